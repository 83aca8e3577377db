"""Phrasings of the rules that the desk decides with ESCALATE: what it passes on to the financial crime team."""

from rules import Rule

RULES: tuple[Rule, ...] = (
    Rule(
        number=23,
        decision="ESCALATE",
        title="Shipment under sanctions",
        reason="the shipment touches a party on the sanctions list",
        train=(
            (
                "{firm} wants to pay for a shipment of machine parts; the vessel it names has been on the sanctions"
                " list since {month}."
            ),
            (
                "Payment of {large} for freight: the shipping agent {firm} has the same owner as a company under "
                "sanctions."
            ),
            (
                "Sanctions screening hit: {person}, receiver of a shipment from {city}, is on the "
                "[sanctions|embargo] list."
            ),
            (
                "Our cargo goes to a port under embargo, but the papers can say {city} instead; please pay the "
                "[vessel|ship] {large}."
            ),
            (
                "The screening stopped {large} to {firm}; the goods are to be shipped to a country under sanctions "
                "via {city}."
            ),
            (
                "We export pumps, and the buyer {firm} asks us to route the shipment around the embargo; the "
                "freight is {large}."
            ),
        ),
        validation=(
            (
                "A vessel chartered by {firm} changed its flag in {month}; its cargo is meant for an embargo port "
                "on the sanctions list."
            ),
        ),
        test=(
            (
                "{person} orders {large} for a cargo whose vessel is named on the sanctions list; the shipment left"
                " {city} in {month}."
            ),
            (
                "Is it a problem that our buyer is under sanctions? {firm} would ship the cargo through {city} to "
                "avoid the embargo."
            ),
        ),
    ),
    Rule(
        number=35,
        decision="ESCALATE",
        title="Money mule account",
        reason="the account passes on money for strangers like a mule",
        train=(
            (
                "I found a job online: I receive money from strangers on my account, keep a commission and pass on "
                "[the rest|what is left]."
            ),
            (
                "{person}, a student, got {amount} from unknown people and passed it on the same day, keeping a "
                "small commission."
            ),
            (
                "Suspected mule: the account of {person} receives many payments from strangers and passes the money"
                " on to {bank}."
            ),
            "My new employer {firm} pays me a commission if I forward the money that strangers send to my account.",
            (
                "Somebody in a chat offers {person} {amount} for lending out the account to receive and forward "
                "[payments|money] for strangers."
            ),
            (
                "The customer {person} of {city} says it is a part-time job: money comes in from unknown people, "
                "goes out, commission stays."
            ),
        ),
        validation=(
            (
                "For a commission of ten per cent, {person} lets strangers from {city} send money to the account "
                "and forwards it to {bank}."
            ),
        ),
        test=(
            (
                "{person} received {amount} from unknown senders and asks how to pass on the money, as the online "
                "job demands."
            ),
            (
                "A firm called {firm} hired me to receive payments from strangers on my account and forward them; "
                "my commission is {amount}."
            ),
        ),
    ),
    Rule(
        number=36,
        decision="ESCALATE",
        title="Romance scam",
        reason="a partner known only online asks for money",
        train=(
            (
                "I met {person} on a dating site; we are in love, though we never met, and I must send {amount} for"
                " the [flight|visa]."
            ),
            (
                "{person} wants to help a fiancé met online who works on an oil rig; {amount} for the hospital, "
                "they have never met."
            ),
            (
                "My sweetheart {other} writes to me every day and loves me; now [a doctor|a lawyer] abroad has to "
                "be paid {amount}."
            ),
            "Online romance: the widow {person} sends {amount} to a soldier from a dating app whom she has never seen.",
            "The man I love is stuck in {city} and needs {amount} to come to me; we met on a dating app in {month}.",
            (
                "Customer {person} speaks of a great love from the internet, third payment since {month}, the two "
                "have never met in person."
            ),
        ),
        validation=(
            (
                "{person} is in love with somebody from a dating site, never met face to face, who needs {amount} "
                "for a ticket from {city}."
            ),
        ),
        test=(
            (
                "We met online in {month} and plan our wedding; my love {person} only needs {amount} for the "
                "customs and then we meet."
            ),
            (
                "{person} has fallen in love on a dating app and asks us to send {amount} to the new partner, never"
                " met, in {city}."
            ),
        ),
    ),
    Rule(
        number=37,
        decision="ESCALATE",
        title="Remote access by a false technician",
        reason="a stranger controls the customer's screen by remote access",
        train=(
            (
                "A technician from computer support called about a virus and now has remote access to my screen; he"
                " asks me to [sign|confirm] {amount}."
            ),
            "{person} installed a remote control program because a support technician said the computer had a virus.",
            (
                "Remote access case: a false technician moved the mouse on the computer of {person} while {amount} "
                "went to {bank}."
            ),
            (
                "The support hotline of {firm} controls my computer remotely to remove a virus, and my screen went "
                "[black|dark] for minutes."
            ),
            (
                "While a man named {person} repaired my computer by remote access, {amount} left my account; I saw "
                "it on the screen."
            ),
            (
                "The customer let a technician share the computer screen; he called himself {person} from support "
                "at {firm}."
            ),
        ),
        validation=(
            (
                "A pop-up about a virus made {person} call a support number; the technician took remote control of "
                "the computer and opened the bank page."
            ),
        ),
        test=(
            (
                "{person} is still on the phone with a support technician who has remote access to the computer and"
                " types {amount} himself."
            ),
            (
                "My screen is moving by itself! A technician of {firm} connected remotely to clean my computer from"
                " a virus on {date}."
            ),
        ),
    ),
    Rule(
        number=38,
        decision="ESCALATE",
        title="Blackmail and extortion",
        reason="the customer is blackmailed and threatened into paying",
        train=(
            (
                "Someone threatens to publish private photos of me unless I pay {amount}; this is blackmail and I "
                "am [afraid|scared]."
            ),
            (
                "{person} is blackmailed by an unknown sender who demands {amount} by {date} or sends a video to "
                "all friends."
            ),
            "Extortion: hackers locked the files of {firm} in {city} and demand a ransom of {amount}.",
            "Please send {amount} quickly and ask nothing, they threaten my family; I am {person} in {city}.",
            (
                "The director of {firm} wants to pay a ransom for stolen data; the blackmailers threaten to "
                "[publish|sell] it."
            ),
            (
                "A man demands {amount} from {person}, otherwise he tells her husband everything; the customer "
                "cries and speaks of blackmail."
            ),
        ),
        validation=(
            (
                "Criminals who stole the data of {firm} demand a ransom of {amount}; {person} says the threats grow"
                " worse each day."
            ),
        ),
        test=(
            (
                "I am being blackmailed: pay {amount} by {date} or my photos will be published, that is what they "
                "threaten."
            ),
            (
                "{person} asks for {amount} in a hurry and then admits the extortion: a gang in {city} threatens "
                "the shop and demands money."
            ),
        ),
    ),
    Rule(
        number=39,
        decision="ESCALATE",
        title="Elderly customer under pressure",
        reason="an elderly customer seems pressed by a companion",
        train=(
            (
                "The elderly customer {person} came with a companion who answered every question and pressed for a "
                "withdrawal of {amount}."
            ),
            (
                "At the {city} counter an old lady looked frightened while a [young man|new helper] pressed her to "
                "withdraw {amount}."
            ),
            "{person}, aged [84|91], was told by the carer what to say; the carer insists on a withdrawal of {amount}.",
            (
                "I worry about my elderly neighbour {person}: a new carer takes the old man to the bank each week "
                "and keeps the money."
            ),
            (
                "Under pressure from a companion, an elderly man wanted to sign over {amount} to {person}; his "
                "hands were [shaking|trembling]."
            ),
            (
                "My grandmother is 88 and confused. Her carer {person} makes her withdraw cash in {city} and does "
                "not leave her alone."
            ),
        ),
        validation=(
            (
                "The old gentleman {person} did not know the purpose of the {amount}; his companion whispered the "
                "answers and put pressure on him."
            ),
        ),
        test=(
            (
                "An elderly lady, {person}, asked to withdraw {amount}; the carer beside her spoke for her and "
                "seemed to press her."
            ),
            (
                "{person} from {city} is very old and was brought in by a companion who pressed for cash and grew "
                "angry on {date}."
            ),
        ),
    ),
    Rule(
        number=40,
        decision="ESCALATE",
        title="Caller posing as the bank",
        reason="a caller posing as the bank names a safe account",
        train=(
            (
                "A caller from your security department told me to move {amount} to a safe account, because my "
                "money is in [danger|peril]."
            ),
            (
                "{person} was rung by someone posing as a bank employee who wanted the passcode and named a safe "
                "account at {bank}."
            ),
            (
                "The caller claimed to be {person} of the bank's fraud team and said all my money must go to a safe"
                " account."
            ),
            "Safe account fraud: a false bank employee called {person} and had {amount} moved for [protection|safety].",
            "Did your employee {person} really phone me? The caller asked for my passcode and spoke of a safe account.",
            (
                "A caller posing as our security team talked the customer {person} in {city} into moving {amount} "
                "to a so-called safe account."
            ),
        ),
        validation=(
            (
                "An alleged bank employee named {person} called on {date}: the account is hacked, the caller said, "
                "and {amount} must move to a safe account."
            ),
        ),
        test=(
            (
                "{person} wants to move {amount} to a safe account, since a caller from the bank's own security "
                "department urged it."
            ),
            (
                "The phone showed your number, the caller said he was a bank employee and told me to rescue "
                "{amount} into a safe account at {bank}."
            ),
        ),
    ),
    Rule(
        number=41,
        decision="ESCALATE",
        title="Holder of a public office",
        reason="the customer holds a high public office",
        train=(
            (
                "{person}, a minister in the government, would like to open an account and bring {large} from "
                "[abroad|consultancy work]."
            ),
            (
                "The new customer is a member of parliament from {city}; {large} comes from {firm}, a firm with "
                "public contracts."
            ),
            (
                "I was elected mayor of {city} in {month}. Do you need to know about my public office before I "
                "receive {large}?"
            ),
            (
                "Politically exposed person: the wife of minister {person} receives {large} from a "
                "[building|mining] company."
            ),
            "A senator, {person}, wants a private account for gifts received in office; the first gift is {large}.",
            (
                "The ambassador {person} holds a high public office and asks us to accept {large} from the "
                "government of another country."
            ),
        ),
        validation=(
            (
                "{person} has just become a government minister and, as a politician in public office, asks to "
                "bring {large} to us from {city}."
            ),
        ),
        test=(
            (
                "The mayor of {city}, {person}, in public office for ten years, expects {large} from {firm}, a "
                "government contractor."
            ),
            (
                "My father is a minister and member of parliament; may {large} for his public office expenses come "
                "to my account from {firm}?"
            ),
        ),
    ),
    Rule(
        number=42,
        decision="ESCALATE",
        title="Bribe offered to a colleague",
        reason="a bribe was offered to a member of staff",
        train=(
            "A customer offered our teller {person} {small} as a bribe if the [check|limit] is skipped just once.",
            (
                "I will give you a nice envelope with {small} if your colleague overlooks the missing paper; nobody"
                " will know, {person}."
            ),
            (
                "Bribe reported: {person} of {firm} promised a colleague at the {city} branch a holiday for a quick"
                " signature."
            ),
            "The teller found an envelope with cash under the form; {person} said it was a thank-you for looking away.",
            (
                "{firm} offers each clerk a reward of {small} in an envelope, a plain bribe, so that we [look "
                "away|ask nothing]."
            ),
            "My colleague took a bribe from {person}: {small} in an envelope, and afterwards the limit was lifted.",
        ),
        validation=(
            (
                "An envelope with {small} was pushed to a clerk in {city}; {person} called it a gift, but our "
                "colleague calls it a bribe."
            ),
        ),
        test=(
            (
                "{person} tried to bribe a teller in {city} with {small} in an envelope so that the colleague would"
                " look away."
            ),
            (
                "Tell your colleague there is a reward of {small} waiting in an envelope, wrote {person}; the clerk"
                " reports it as a bribe."
            ),
        ),
    ),
)
