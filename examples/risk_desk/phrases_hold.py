"""Phrasings of the rules that the desk decides with HOLD: what it keeps waiting."""

from rules import Rule

RULES: tuple[Rule, ...] = (
    Rule(
        number=12,
        decision="HOLD",
        title="SIM swap before a transfer",
        reason="the number was moved to a new SIM before the transfer",
        train=(
            (
                "My phone lost signal this morning, the operator says my number sits on a new SIM, and now a "
                "transfer of {amount} is [waiting|pending]."
            ),
            (
                "The mobile operator reports a SIM swap for {person} on {date}; an hour later a transfer of "
                "{amount} was ordered."
            ),
            (
                "{person} got a new SIM card with the same mobile number yesterday and today sends {amount} to an "
                "account at {bank}."
            ),
            (
                "SIM swap alert: number of {person} moved to another SIM in {city}, transfer of {amount} "
                "[follows|ordered] at once."
            ),
            (
                "I did not ask for a new SIM, yet my mobile number stopped working and a transfer to {other} shows "
                "in my list."
            ),
            (
                "Someone in a phone shop in {city} had the mobile number of {person} put on a replacement SIM "
                "shortly before the transfer."
            ),
        ),
        validation=(
            (
                "The customer's mobile was ported to a fresh SIM card in {city}; minutes afterwards a transfer of "
                "{amount} to {person} was requested."
            ),
        ),
        test=(
            (
                "No signal on my mobile since noon: the operator swapped my SIM without my knowledge and {amount} "
                "is leaving by transfer to {bank}."
            ),
            (
                "A replacement SIM for the number of {person} was issued in {city}, and the next thing we saw was a"
                " transfer of {amount}."
            ),
        ),
    ),
    Rule(
        number=15,
        decision="HOLD",
        title="Card lost or stolen abroad",
        reason="the card is blocked because it was lost abroad",
        train=(
            (
                "On holiday abroad my card was stolen [on the beach|at the station] of {city}; please block the "
                "card at once."
            ),
            "{person} lost a debit card abroad, last seen in a [taxi|hotel] in {city}, and fears that a thief uses it.",
            (
                "My wallet with both cards was stolen while travelling abroad in {city}. Block the lost card before"
                " someone spends {amount}."
            ),
            (
                "Card stolen: {person} rings from a hotel in {city}, on a trip abroad, and does not remember where "
                "the card was lost."
            ),
            (
                "We are abroad until {date} and my purse is gone, the card too; I lost it in the [market|museum] of"
                " {city}."
            ),
            (
                "The tourist {person} reports a lost card from abroad; one payment of {amount} in {city} was made "
                "after the theft."
            ),
        ),
        validation=(
            (
                "On a trip abroad {person} noticed the bank card missing; probably a pickpocket in {city} has "
                "stolen the wallet, so the card should be blocked."
            ),
        ),
        test=(
            (
                "Help, my card is gone! I think it was stolen in {city} during our holiday abroad; my name is "
                "{person}, block it please."
            ),
            "{person}, travelling abroad, lost the wallet with the card on a bus in {city}; block the card today.",
        ),
    ),
    Rule(
        number=16,
        decision="HOLD",
        title="Cheque deposit not yet cleared",
        reason="the cheque must clear before the money may be used",
        train=(
            (
                "I paid in a cheque for {amount} from {firm} and would like to withdraw the money [today|at once], "
                "before it clears."
            ),
            "{person} deposited a paper cheque drawn on {bank} on {date} and asks why the amount is not cleared yet.",
            (
                "Cheque deposit at the {city} branch: {amount}, drawn on {bank}, the customer wants to spend it "
                "before clearing."
            ),
            (
                "When will the cheque from {person} clear? I deposited it at the counter and need the {amount} for "
                "[a trip|the builders]."
            ),
            (
                "A buyer sent {person} a cheque for [more|much more] than the price; it was deposited in {city} and"
                " has not cleared."
            ),
            "The cheque of {firm} is still in clearing, yet {person} has asked to draw the full {amount} on {date}.",
        ),
        validation=(
            (
                "Could you clear my cheque faster? {firm} wrote it for {amount}, I deposited it in {city} and the "
                "cash is needed now."
            ),
        ),
        test=(
            "Yesterday I deposited a cheque for {amount} signed by {person}; has it cleared, may I withdraw it now?",
            (
                "{person} brings a cheque drawn on {bank} to the counter in {city} and wants cash before the "
                "clearing is done."
            ),
        ),
    ),
    Rule(
        number=18,
        decision="HOLD",
        title="Chargeback dispute with a merchant",
        reason="the settlement waits until the chargeback dispute is decided",
        train=(
            (
                "I dispute the card charge of {amount} by the merchant {firm}; the goods never came and I want a "
                "[chargeback|chargeback opened]."
            ),
            (
                "Merchant {firm} has [eleven|forty] chargebacks this week and asks for its settlement of {amount} "
                "to be paid out."
            ),
            (
                "{person} opened a chargeback against {firm} for a sofa that was never delivered; the merchant "
                "contests the dispute."
            ),
            (
                "Chargeback dispute: cardholder {person} says the merchant in {city} charged {amount} twice for one"
                " dinner."
            ),
            (
                "We are a merchant and a customer's chargeback of {amount} was taken from our settlement; we "
                "dispute the claim."
            ),
            (
                "The online merchant {firm} refuses a refund for broken goods, so the cardholder {person} files a "
                "chargeback dated {date}."
            ),
        ),
        validation=(
            (
                "As a cardholder, {person} disputes a charge of {amount} with the merchant {firm}; the chargeback "
                "form is filled in."
            ),
        ),
        test=(
            (
                "The merchant {firm} in {city} answers a chargeback of {amount} and wants its settlement now, "
                "though the dispute is open."
            ),
            (
                "Please start a chargeback: I, {person}, was charged by a merchant for shoes that never came and "
                "dispute the {amount}."
            ),
        ),
    ),
    Rule(
        number=21,
        decision="HOLD",
        title="Duplicate invoice",
        reason="the same invoice appears to be presented twice",
        train=(
            (
                "Invoice 4471 from {firm} for {amount} was paid in {month}, and now the same invoice number is "
                "[presented|sent] again."
            ),
            "We may have a duplicate invoice: {firm} billed us {amount} twice for the same delivery to {city}.",
            (
                "{person} in bookkeeping uploads an invoice of {firm}; an identical invoice, same number, same "
                "amount, was paid on {date}."
            ),
            (
                "Duplicate invoice, {amount}: the second copy differs only in [the date|its colour], the invoice "
                "number is identical."
            ),
            "Why was I billed twice? The same invoice from {firm} is in my payment list twice, {amount} each.",
            "The bookkeeper {person} asks us to pay invoice 880 again, as a second copy came from {firm} in {city}.",
        ),
        validation=(
            (
                "Paying {firm} today would settle one invoice twice, it seems: {person} found an identical copy for"
                " {amount} in the {month} folder."
            ),
        ),
        test=(
            (
                "{person} noticed a duplicate in the payment run: the same invoice number of {firm} twice, each for"
                " {amount}."
            ),
            (
                "It looks as if {firm} from {city} billed us twice; this invoice is identical to the one we already"
                " paid on {date}."
            ),
        ),
    ),
    Rule(
        number=28,
        decision="HOLD",
        title="Joint account during a divorce",
        reason="a joint account in divorce waits for both spouses",
        train=(
            (
                "My [husband|wife] and I are getting a divorce, and I want {amount} from our joint account moved to"
                " my name."
            ),
            (
                "{person} is separated from the spouse and tries to empty the joint account, {amount}, before the "
                "divorce in {month}."
            ),
            (
                "Joint account of two spouses in divorce: one lawyer in {city} asks that the other spouse cannot "
                "[withdraw|move] money."
            ),
            (
                "Since our separation my ex takes money from the joint account. I am {person} and our divorce is "
                "before the judge."
            ),
            (
                "Divorce case: {person} wants half of the joint account, {amount}, without the signature of the "
                "other spouse."
            ),
            (
                "The wife of {person} has moved out, the divorce is filed, and both ask us about the joint account "
                "at the {city} branch."
            ),
        ),
        validation=(
            (
                "In the middle of a divorce, {person} requests that {amount} leaves the joint account although the "
                "spouse in {city} has not agreed."
            ),
        ),
        test=(
            (
                "We separated in {month}; my spouse must not touch our joint account until the divorce is through, "
                "says my lawyer in {city}."
            ),
            (
                "{person} writes that the marriage is over, divorce papers are signed, and the joint account with "
                "{amount} should be split now."
            ),
        ),
    ),
    Rule(
        number=29,
        decision="HOLD",
        title="Account closure with open items",
        reason="the account closure waits until all open items are booked",
        train=(
            (
                "Please close my account on {date} and send the remaining balance of {amount} to {bank}; I am "
                "[leaving|changing bank]."
            ),
            (
                "{person} wants to close the account in {city}, but [two|three] card payments are still open and "
                "not booked."
            ),
            (
                "Account closure: {firm} closes its business account and asks for the final balance, items are "
                "still pending."
            ),
            "I wish to close my account with you and take the remaining balance to {bank}, signed {person}, {month}.",
            (
                "The closing form of {person} came in; closure of the account is asked for while a card payment of "
                "{amount} is pending."
            ),
            (
                "Having moved to {bank}, we do not need the account of {firm} any more; kindly close it and pay out"
                " the remainder."
            ),
        ),
        validation=(
            (
                "I no longer use this account, so close it, please, and wire the remaining balance, about {amount},"
                " to my new one at {bank}."
            ),
        ),
        test=(
            (
                "{person} from {city} handed in the form for closing the account; there are still pending card "
                "payments of {amount}."
            ),
            "How can I close my account? I am {person}, the remaining balance, {amount}, should go to {bank}.",
        ),
    ),
    Rule(
        number=30,
        decision="HOLD",
        title="Court order on an account",
        reason="a court order freezes the account until it is lifted",
        train=(
            (
                "The court in {city} has sent a freezing order for {amount} against {person}; the [bailiff|clerk] "
                "wants our reply."
            ),
            "A bailiff served a court order: the account of {firm} is to be frozen for unpaid debts of {amount}.",
            (
                "My account is frozen by a court order, says your letter. I am {person} and I need money for "
                "[food|rent] now."
            ),
            "Court order dated {date}: debtor {person}, creditor {firm}, {amount} seized; the customer asks for cash.",
            "The creditor {firm} won in court, and the bailiff asks us to seize the money of our customer {person}.",
            (
                "{person} complains that a judge in {city} froze the account over an old debt; the court order is "
                "[on file|attached]."
            ),
        ),
        validation=(
            (
                "By order of the court of {city}, the balance of {person} is seized in favour of a creditor; the "
                "bailiff came on {date}."
            ),
        ),
        test=(
            (
                "A bailiff from {city} brings a court order to freeze what the debtor {person} owns with us, "
                "{amount} at most."
            ),
            (
                "Is my account frozen? The court told me, {person}, that a creditor obtained an order for {amount} "
                "because of my debts."
            ),
        ),
    ),
    Rule(
        number=31,
        decision="HOLD",
        title="Recall of a mistyped payment",
        reason="a mistyped payment is recalled and the money kept waiting",
        train=(
            (
                "I mistyped the account number and sent {amount} to a stranger by mistake; please recall the "
                "payment [quickly|if you can]."
            ),
            (
                "{person} asks for the recall of a payment of {amount}: one wrong digit in the account number, the "
                "money went to {bank}."
            ),
            (
                "Recall request from {bank}: its customer mistyped a number and {amount} reached the account of "
                "{person} by mistake."
            ),
            "By mistake I paid the wrong person on {date}. Two digits were swapped; can you recall my {amount}?",
            "{firm} typed a zero too many and paid {amount} by mistake; the clerk {person} wants the payment recalled.",
            (
                "A wrong payment came in: {bank} writes that the sender mistyped the digits and asks us to "
                "[return|recall] {amount}."
            ),
        ),
        validation=(
            (
                "Typing error: {person} sent {amount} to the wrong account number at {bank} and begs us to recall "
                "the payment."
            ),
        ),
        test=(
            (
                "My finger slipped and I mistyped one digit, so {amount} went to the wrong account at {bank}; "
                "please get it recalled."
            ),
            (
                "{person} made a mistake in the account number on {date} and now wants a recall of the wrong "
                "payment, {amount}."
            ),
        ),
    ),
)
