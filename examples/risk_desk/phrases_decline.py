"""Phrasings of the rules that the desk decides with DECLINE: what it refuses."""

from rules import Rule

RULES: tuple[Rule, ...] = (
    Rule(
        number=14,
        decision="DECLINE",
        title="Account without a name",
        reason="no account is opened without a name and identity papers",
        train=(
            (
                "I would like an anonymous account, just a number without my name; my passport stays [with me|at "
                "home]. Is that possible in {city}?"
            ),
            (
                "A visitor in {city} wants to open a numbered account and refuses to show any identity papers or "
                "give a name."
            ),
            (
                "{person} asks for an anonymous account in which [neither name nor address|no name] appears, and "
                "will not send an identity card."
            ),
            "Can I open an account without identity papers? I prefer to stay nameless, and I would bring {amount}.",
            (
                "Anonymous account wanted: the caller gave only a first name, no passport, no identity card, "
                "starting sum {amount}."
            ),
            (
                "{firm} asks us to open accounts for guests who want to remain anonymous and show no [identity "
                "papers|passport]."
            ),
        ),
        validation=(
            (
                "Discretion matters to me, therefore open the account under a number, anonymous, with no identity "
                "check; {amount} will follow in {month}."
            ),
        ),
        test=(
            (
                "The stranger at the {city} counter wishes to stay anonymous: account opening with no name, no "
                "passport, no identity papers."
            ),
            (
                "Please open a nameless, anonymous account for {amount}; I do not want to show my identity card to "
                "anyone in {city}."
            ),
        ),
    ),
    Rule(
        number=17,
        decision="DECLINE",
        title="Gift cards in bulk",
        reason="gift cards bought in bulk are a known fraud pattern",
        train=(
            (
                "I need to buy [thirty|fifty] gift cards at {firm} for {amount} and read the codes to my boss over "
                "the phone."
            ),
            (
                "{person} wants to raise the card limit to buy gift cards worth {amount} in a supermarket in "
                "{city}, codes to be sent on."
            ),
            (
                "Gift card purchase: [twenty|forty] vouchers at {firm}, {amount}, the customer says a manager needs"
                " the codes today."
            ),
            "My director is in a meeting and asked me by e-mail to buy gift cards for {amount} and send the codes.",
            (
                "The cashier at {firm} stopped {person} from buying a pile of gift cards; now the customer asks us "
                "for {amount}."
            ),
            (
                "A text message tells {person} to pay a fine with gift cards, {amount}, and to scratch off the "
                "voucher codes."
            ),
        ),
        validation=(
            (
                "Somebody told {person} to fetch vouchers in {city}: gift cards for {amount}, with photos of the "
                "codes on the back."
            ),
        ),
        test=(
            (
                "{person} rings because the purchase of sixty gift cards at {firm} was refused; the codes are "
                "wanted by the boss."
            ),
            (
                "Could you free {amount} on my card? I must buy gift cards in {city} and pass the voucher codes to "
                "my manager."
            ),
        ),
    ),
    Rule(
        number=19,
        decision="DECLINE",
        title="Gambling merchant",
        reason="payments to a gambling merchant are not carried out",
        train=(
            "My payment of {amount} to the online casino {firm} did not go through; please let me [play|bet] tonight.",
            "{person} tries to load {amount} to a betting account at {firm} to bet on the football match in {city}.",
            "Gambling merchant: card payment of {amount} to the casino {firm}, customer {person} wants it released.",
            (
                "I have a sure tip for the horse race on {date} and need {amount} at my bookmaker [now|before noon]"
                " to place a bet."
            ),
            (
                "The online poker site {firm} asks {person} to top up with {amount}; it is a gambling page without "
                "a local licence."
            ),
            (
                "Please unblock casino payments on my card; {person} plays roulette at {firm} and wins [often|now "
                "and then]."
            ),
        ),
        validation=(
            (
                "After losing at roulette, {person} wants to send another {amount} to the gambling site {firm} and "
                "bet again."
            ),
        ),
        test=(
            (
                "{person} would like to place a bet of {amount} with a bookmaker in {city}; the betting payment was"
                " refused."
            ),
            (
                "Why is my money not at the casino? I wanted to gamble {amount} at {firm} this evening, poker and "
                "roulette."
            ),
        ),
    ),
    Rule(
        number=22,
        decision="DECLINE",
        title="Trade in counterfeit goods",
        reason="the bank does not pay for counterfeit brand goods",
        train=(
            (
                "{firm} wants to pay {amount} for replica watches that carry a famous brand but are [made "
                "cheaply|not original]."
            ),
            "I sell copies of brand handbags at the market in {city} and need {amount} for more fake bags.",
            (
                "Counterfeit goods: payment of {amount} to {firm} for fake designer [shoes|sunglasses] with false "
                "brand labels."
            ),
            (
                "Our order of replica sneakers, brand logo included but counterfeit, is ready at {firm}; please pay"
                " {amount}."
            ),
            (
                "{person} openly says that the perfumes are fake, bottled in {city} under a known brand, and orders"
                " for {amount}."
            ),
            (
                "Customs in {city} seized replica brand watches of {person}; now a second lot of counterfeit "
                "watches is to be paid."
            ),
        ),
        validation=(
            "For the summer season {person} orders fake brand shirts, good replica quality, from {firm} at {amount}.",
        ),
        test=(
            (
                "{person} plans to import counterfeit handbags and replica watches through {city} and asks for a "
                "payment of {amount}."
            ),
            (
                "The labels look like the real brand, but the shoes are fake; pay {firm} {amount} for these replica"
                " goods in {month}."
            ),
        ),
    ),
    Rule(
        number=24,
        decision="DECLINE",
        title="Altered or backdated statement",
        reason="the bank never alters or backdates an account statement",
        train=(
            "Please backdate my account statement to {month}, so that the [embassy|lender] sees {amount} on it.",
            "{person} asks us to alter a bank statement and leave out [two|three] bookings before it goes to {firm}.",
            (
                "Could you print a statement with a higher balance, say {amount}? I need an altered one for a flat "
                "in {city}."
            ),
            (
                "Backdated statement wanted: {person} says the visa office in {city} needs a statement with an "
                "earlier date."
            ),
            (
                "Remove my overdraft from the statement of {month}, please; a small change of the figures will hurt"
                " nobody, {person}."
            ),
            (
                "The owner of {firm} wants a confirmation on our letterhead, backdated to {date}, with a "
                "[changed|better] statement balance."
            ),
        ),
        validation=(
            (
                "To impress an investor, {firm} requests that its account statement be altered to show {amount} and"
                " backdated to {month}."
            ),
        ),
        test=(
            "{person} would pay a fee if we backdate a statement to {date} and change the balance to {amount}.",
            (
                "My landlord wants to see a bank statement; can you alter the figures so that no overdraft shows in"
                " {month}?"
            ),
        ),
    ),
    Rule(
        number=32,
        decision="DECLINE",
        title="Transfer to a cryptocurrency exchange",
        reason="transfers to a cryptocurrency exchange are not carried out",
        train=(
            (
                "I want to send {amount} to the cryptocurrency exchange {firm} to buy [coins|bitcoin] before the "
                "price rises."
            ),
            (
                "{person} asks for a transfer of {amount} to a crypto wallet; an adviser on the internet "
                "[recommends|praises] the coin."
            ),
            "Crypto purchase: {amount} to the exchange {firm}, wallet address given, coins to be bought on {date}.",
            (
                "My crypto exchange {firm} says the transfer from your bank was rejected; I need {amount} in my "
                "wallet for bitcoin."
            ),
            (
                "The customer {person} would like to put savings into cryptocurrency and fund a wallet at the "
                "exchange with {amount}."
            ),
            (
                "Please whitelist the exchange {firm}. I trade bitcoin and other crypto coins every [day|week] from"
                " {city}."
            ),
        ),
        validation=(
            (
                "Bitcoin is cheap in {month}, says {person}, who wants to top up a crypto wallet with {amount} "
                "through an exchange."
            ),
        ),
        test=(
            (
                "{person} wishes to buy cryptocurrency coins worth {amount}; the payee is {firm}, an exchange for "
                "bitcoin without a seat here."
            ),
            "Can I fund my crypto wallet from this account? I would send {amount} to the exchange {firm} each month.",
        ),
    ),
    Rule(
        number=33,
        decision="DECLINE",
        title="Fee to release a lottery prize",
        reason="a fee asked for a lottery prize is never paid",
        train=(
            "I have won a lottery I never entered! To release the prize I must pay a fee of {small} to {person}.",
            (
                "{person} received a letter about a lottery prize and wants to pay the [handling|notary] fee of "
                "{small} to {firm}."
            ),
            "Lottery prize: the winner {person} is asked for {small} as a release fee before the jackpot is paid out.",
            (
                "My prize of the {city} lottery is waiting, they only need the fee of {small} [first|in advance], "
                "please send it."
            ),
            "The lottery agent {other} congratulates {person} on a jackpot and asks for a processing fee of {small}.",
            "A prize draw in {city} named {person} as the lucky winner; the fee for releasing the prize is {small}.",
        ),
        validation=(
            (
                "Good news, the lottery in {city} drew my ticket; the agent {person} will release the prize once "
                "the {small} fee is paid."
            ),
        ),
        test=(
            (
                "{person} was told of a large lottery win and wants us to send the release fee, {small}, so the "
                "prize can be shipped."
            ),
            (
                "As the lucky winner of a jackpot I have to pay {firm} a fee of {small} before they hand over the "
                "lottery prize."
            ),
        ),
    ),
    Rule(
        number=34,
        decision="DECLINE",
        title="Investment with guaranteed returns",
        reason="guaranteed high returns are the mark of a pyramid scheme",
        train=(
            (
                "I wish to invest {amount} with {firm}, which guarantees returns of [thirty|forty] per cent a month"
                " and no risk."
            ),
            (
                "{person} recruits friends into an investment scheme of {firm}: guaranteed profit, and a bonus for "
                "each new investor."
            ),
            (
                "Investment payment of {amount} to {firm}; the brochure promises to double the money with "
                "guaranteed returns by {month}."
            ),
            (
                "My neighbour {person} doubled his money with this investment, so please send my {amount} to the "
                "[fund|scheme] of {firm}."
            ),
            (
                "The scheme from {city} pays guaranteed returns out of the deposits of new investors; {person} "
                "wants to join with {amount}."
            ),
            (
                "Risk-free investment: {firm} offers {person} guaranteed profits if [three|five] more members are "
                "recruited first."
            ),
        ),
        validation=(
            (
                "An adviser promises {person} that the investment at {firm} doubles within weeks, returns "
                "guaranteed; {amount} should leave today."
            ),
        ),
        test=(
            (
                "{firm} in {city} guarantees me a profit every week and a bonus for recruiting others; I would "
                "invest {amount} in it."
            ),
            (
                "{person} wants to invest {amount} in a scheme with guaranteed returns and has already recruited "
                "two investors from {city}."
            ),
        ),
    ),
)
