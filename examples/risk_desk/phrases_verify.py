"""Phrasings of the rules that the desk decides with VERIFY: what it checks with the customer first."""

from rules import Rule

RULES: tuple[Rule, ...] = (
    Rule(
        number=9,
        decision="VERIFY",
        title="Change of postal address",
        reason="a new postal address needs proof before it is stored",
        train=(
            (
                "I have moved house. Please change my postal address to 14 [Mill|Quay] Lane, {city}, and send all "
                "letters there from {date}."
            ),
            (
                "{person} asks us to update the postal address to {city}; no proof of the move, such as a "
                "[household bill|lease], is enclosed."
            ),
            (
                "Change of address: {person} moved to {city} in {month} and wants letters and new cards posted to "
                "the new house."
            ),
            "Could you send my post to my new address in {city}? We moved last week and the old house is [sold|empty].",
            (
                "The customer {person} rang to give a new postal address in {city}; letters sent to the old address"
                " came back."
            ),
            (
                "Our family has moved from one end of {city} to the other, so please note the new street and postal"
                " address for {person}."
            ),
        ),
        validation=(
            (
                "After moving in with friends in {city}, {person} would like the postal address changed and every "
                "letter sent to the new street."
            ),
        ),
        test=(
            (
                "{person} has left the old house and now lives in {city}; the new postal address should be used for"
                " letters from {month}."
            ),
            "We are moving on {date}. Would you please record our new address in {city} so that your post finds us?",
        ),
    ),
    Rule(
        number=10,
        decision="VERIFY",
        title="Sign-in from a new device",
        reason="a sign-in from a new device needs a call-back",
        train=(
            (
                "I bought a new {device} and want to sign in to the banking app on it; it says this device is not "
                "[registered|known]."
            ),
            (
                "{person} tries to log in from an unknown device, a {device}, first seen in {city}; the app asks "
                "for registration."
            ),
            "New device: somebody signed in to the app of {person} with a {device} at [two|three] o'clock at night.",
            "Please register my {device} as a new device for the banking app, I replaced the old one in {month}.",
            (
                "The app will not let me log in since I changed to a {device}; please [add|accept] the new device, "
                "my name is {person}."
            ),
            (
                "Sign-in alert for {person}: login with the right password, but from a {device} that was never "
                "registered as a device."
            ),
        ),
        validation=(
            (
                "My old handset broke, so I log in to the app with a borrowed {device}; could you register it as my"
                " new device?"
            ),
        ),
        test=(
            (
                "Login from an unregistered device: the banking app of {person} was opened on a {device} in {city} "
                "on {date}."
            ),
            (
                "I am {person} and I got a {device} as a present; how do I register this new device to sign in to "
                "your app?"
            ),
        ),
    ),
    Rule(
        number=11,
        decision="VERIFY",
        title="New surname after a marriage",
        reason="a new surname must be proved by a marriage certificate",
        train=(
            (
                "I got married in {month} and took my [husband's|wife's] surname; please change the name on my "
                "account to {person}."
            ),
            "{person} wishes to give up the maiden name and use the new surname after the wedding in {city} on {date}.",
            (
                "Name change: customer married, new surname on the card requested, marriage certificate of {person}"
                " [to follow|not yet seen]."
            ),
            (
                "Since our wedding my surname is different. Which papers do you need from {person}, the marriage "
                "certificate or the passport?"
            ),
            (
                "{person} sends a photo of a marriage certificate and asks that the new surname appears on cards "
                "and [letters|statements]."
            ),
            (
                "After the marriage we both carry a double surname; kindly rename the account of {person} in {city}"
                " from {month}."
            ),
        ),
        validation=(
            (
                "Newly married, {person} from {city} would like the maiden name on the bank card replaced by the "
                "new surname."
            ),
        ),
        test=(
            (
                "The wedding was on {date}! I have a new surname now, {person}, and want it on my account instead "
                "of my maiden name."
            ),
            (
                "{person} was married in {city} and asks for cards in the new surname; the marriage certificate is "
                "said to be in the post."
            ),
        ),
    ),
    Rule(
        number=13,
        decision="VERIFY",
        title="Power of attorney",
        reason="a power of attorney must be checked with the account holder",
        train=(
            (
                "I hold a power of attorney for my [mother|father] {person} and would like to manage the account on"
                " her behalf from {month}."
            ),
            (
                "{person} presents a power of attorney signed in {city} and wants to act on behalf of an "
                "[aunt|uncle] who is in hospital."
            ),
            (
                "Under the attached power of attorney I ask you to pay {amount} on behalf of {person}, who can no "
                "longer sign."
            ),
            (
                "Power of attorney for {person}: the appointed attorney, a neighbour, asks for online access to act"
                " in the holder's name."
            ),
            (
                "My brother gave me power of attorney before he went abroad; as his attorney I need {amount} for "
                "his [bills|dentist]."
            ),
            "A notary in {city} sent a copy of a power of attorney that lets {person} act for an account holder.",
        ),
        validation=(
            (
                "Acting as attorney for a sick uncle, {person} shows us a power of attorney dated {date} and asks "
                "to pay on his behalf."
            ),
        ),
        test=(
            (
                "Does my power of attorney allow me to sign on behalf of my grandmother {person}? I have been her "
                "attorney since {month}."
            ),
            (
                "{person} of {city}, named as attorney in a document called power of attorney, wishes to withdraw "
                "{amount} for the account holder."
            ),
        ),
    ),
    Rule(
        number=20,
        decision="VERIFY",
        title="New bank details of a supplier",
        reason="changed bank details of a supplier need a call-back",
        train=(
            (
                "Our supplier {firm} wrote that its bank details have changed; please use the new account at {bank}"
                " for the {amount} due."
            ),
            (
                "{firm} pays a long-standing supplier to a new account number; the changed bank details came in [an"
                " e-mail|a letter] from {person}."
            ),
            (
                "Please update the bank details of our supplier {firm}: from {month} the account is with {bank}, "
                "not with the old bank."
            ),
            (
                "{person} in accounts received an e-mail that a supplier in {city} moved to {bank} and has new bank"
                " details."
            ),
            (
                "The supplier's new account number is on the [letterhead|second page]. Change the bank details for "
                "{firm} and pay {amount}."
            ),
            (
                "Change of payee account: supplier {firm} of {city} says the old account is closed and gives new "
                "details at {bank}."
            ),
        ),
        validation=(
            (
                "According to a mail, the supplier {firm} now banks with {bank}; {person} would like the account "
                "details changed before paying {amount}."
            ),
        ),
        test=(
            (
                "We buy timber from {firm}, and this supplier has just sent us new bank details; please pay "
                "{amount} to the account at {bank}."
            ),
            (
                "New account details for a supplier: {person} forwards an e-mail from {firm} announcing that its "
                "account moved to {bank} in {month}."
            ),
        ),
    ),
    Rule(
        number=25,
        decision="VERIFY",
        title="Deposit for a house purchase",
        reason="a house purchase needs the solicitor's details confirmed",
        train=(
            (
                "We are buying a house in {city} and must send the deposit of {large} to our solicitor before "
                "[contracts|keys] are exchanged."
            ),
            (
                "{person} buys a first home; the solicitor {firm} asks for {large} to complete the house purchase "
                "on {date}."
            ),
            (
                "Property purchase: deposit of {large} to the client account of the solicitor {firm}, house "
                "situated in {city}."
            ),
            (
                "The solicitor told me completion of our house purchase is on {date}, so I need the "
                "[mortgage|deposit] money, {large}, sent."
            ),
            (
                "Buyer {person} wants to pay a deposit on a house in {city}; the details came from the solicitor by"
                " e-mail."
            ),
            (
                "My husband and I buy our first property in {month}; please transfer {large} to the conveyancing "
                "solicitor {firm}."
            ),
        ),
        validation=(
            (
                "Completion day for the property in {city} is near, and {person} asks us to wire the purchase "
                "deposit of {large} to the solicitor."
            ),
        ),
        test=(
            (
                "At last we found a house in {city}! Our solicitor {firm} needs the {large} deposit for the "
                "purchase by {date}."
            ),
            (
                "{person} is buying a property and requests a payment of {large} to solicitor {firm}, being the "
                "deposit before completion."
            ),
        ),
    ),
    Rule(
        number=26,
        decision="VERIFY",
        title="Inheritance and estate",
        reason="an estate is paid out only after probate is shown",
        train=(
            (
                "My late father left me his account. I am the executor of the will and need to know how to "
                "[claim|receive] the inheritance."
            ),
            (
                "{person} inherits {large} from the estate of a late aunt in {city}; the grant of probate is [not "
                "here yet|missing]."
            ),
            (
                "Executor {person} asks us to pay the estate to three heirs; the will was read in {month}, probate "
                "pending."
            ),
            (
                "Inheritance: the estate of a customer who died in {city} is claimed by {person}, a cousin named in"
                " the will."
            ),
            (
                "As an heir of my late grandmother I would like my part of the inheritance, {large}, before probate"
                " if that is possible."
            ),
            (
                "The executor sent the death certificate and the will of {person}; the heirs ask when the estate "
                "will be paid."
            ),
        ),
        validation=(
            (
                "Our customer died on {date}; the executor {person} writes about the estate, the will and the heirs"
                " living in {city}."
            ),
        ),
        test=(
            (
                "My late uncle named me in his will. How do I, {person}, receive the inheritance of {large} from "
                "his estate?"
            ),
            (
                "{person} says probate was granted in {city} and wants, as executor, to share the estate of {large}"
                " among the heirs."
            ),
        ),
    ),
    Rule(
        number=27,
        decision="VERIFY",
        title="Used car from a private seller",
        reason="a used car sale needs the seller confirmed first",
        train=(
            (
                "I am buying a used car from a private seller in {city} and want to pay {amount} [today|tonight] "
                "for the vehicle."
            ),
            (
                "{person} found a second-hand van online; the seller {other} asks for {amount} before the vehicle "
                "is [shown|handed over]."
            ),
            (
                "Used car purchase: {amount} to a private seller named {person}, vehicle papers not seen, pick-up "
                "in {city}."
            ),
            (
                "The seller of the car will not wait. Please send {amount} to {person} so that the vehicle is mine "
                "on {date}."
            ),
            (
                "Second-hand car for {amount}: {person} saw only photos of the vehicle and the seller lives far "
                "away in {city}."
            ),
            (
                "My old car broke down, so I buy a used one from {person}; the seller wants the money in "
                "[advance|one sum]."
            ),
        ),
        validation=(
            (
                "A motorbike and a car are on offer from seller {person} in {city}; our customer wants to pay "
                "{amount} for the used vehicle."
            ),
        ),
        test=(
            (
                "{person} asks for a payment of {amount} to a seller found in a small ad: a used car, ten years "
                "old, near {city}."
            ),
            (
                "We need a bigger vehicle for the children and chose a second-hand car; the private seller {person}"
                " expects {amount} on {date}."
            ),
        ),
    ),
)
