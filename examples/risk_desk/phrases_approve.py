"""Phrasings of the rules that the desk decides with APPROVE: what it lets through."""

from rules import Rule

RULES: tuple[Rule, ...] = (
    Rule(
        number=1,
        decision="APPROVE",
        title="Salary run from the payroll file",
        reason="a salary run that matches the usual monthly payroll file",
        train=(
            (
                "[Please release|Kindly send] the {month} payroll file of {firm}: salaries for our "
                "[twelve|thirty|eighty] staff, {large} in all, same employees as last month."
            ),
            (
                "Our payroll clerk {person} has uploaded the wages for {month}; the staff at {firm} in {city} "
                "expect their salaries on Friday."
            ),
            (
                "{firm} sends its usual salary run, {large}, from the payroll [system|software]; every employee on "
                "the list was paid by us before."
            ),
            (
                "I am {person}, head of payroll at {firm}. The monthly salaries file is ready and our employees are"
                " waiting for [their wages|payday]."
            ),
            (
                "Monthly wages: {firm} of {city} submitted a payroll file signed by {person}, number of employees "
                "and total [unchanged|as always]."
            ),
            (
                "Can the salary payments for {firm} leave on {date}? It is the regular payroll, {large}, nobody new"
                " among the staff."
            ),
        ),
        validation=(
            (
                "Payday at {firm} falls on {date}; {person} delivers the routine payroll file so that staff "
                "salaries reach every employee in {city} in time."
            ),
        ),
        test=(
            (
                "Here comes the ordinary salaries file for the employees of {firm}; payroll total {large}, prepared"
                " by {person} as in every month."
            ),
            (
                "{person} from {firm} asks us to run the {month} payroll today, so the staff in {city} have their "
                "wages before the weekend."
            ),
        ),
    ),
    Rule(
        number=2,
        decision="APPROVE",
        title="Rent by standing order",
        reason="rent to a known landlord under an existing standing order",
        train=(
            (
                "Please set my standing order for the rent to {amount} from {month}; my landlord {person} in {city}"
                " [raised it slightly|sent a new lease]."
            ),
            (
                "{person} rents a flat in {city} and pays the landlord by standing order; this month's rent of "
                "{amount} is due [tomorrow|on Monday]."
            ),
            (
                "The rent for our flat, {amount}, should go to our landlord {firm} as it does every month under the"
                " standing order."
            ),
            (
                "Tenant {person} wants the monthly standing order to the landlord kept running until the lease in "
                "{city} ends in {month}."
            ),
            (
                "I am a tenant of {firm}. Could you pay the rent on {date}, one day [earlier|later] than the "
                "standing order says?"
            ),
            (
                "Standing order of {amount}, rent for a [two-room|three-room] flat, landlord {person}, tenant for "
                "many years, nothing has changed."
            ),
        ),
        validation=(
            (
                "My landlord {person} asks whether the rent of {amount} is coming; the standing order for the flat "
                "in {city} should pay it on {date}."
            ),
        ),
        test=(
            (
                "For five years the tenant {person} has paid rent to the same landlord, {firm}; the standing order "
                "of {amount} runs again today."
            ),
            (
                "Would you let my standing order go out as usual? It is the {month} rent for my flat in {city}, "
                "landlord {person}."
            ),
        ),
    ),
    Rule(
        number=3,
        decision="APPROVE",
        title="Utility bill by direct debit",
        reason="an ordinary utility bill collected by an agreed direct debit",
        train=(
            (
                "The electricity bill from {firm} is {small} this quarter; please let the direct debit go through "
                "[as usual|like every time]."
            ),
            (
                "Direct debit for water and gas, {small}, collected by {firm} in {city}; customer {person} has had "
                "this utility contract for years."
            ),
            (
                "I read my electricity meter on {date}. The utility {firm} will take {small} by direct debit for "
                "the heating bill."
            ),
            (
                "{person} asks us to pay the gas bill of {firm} by the existing direct debit; the meter reading "
                "looks [normal|plausible]."
            ),
            "My water bill came to {small}. {firm} is our utility here in {city} and it has a direct debit from me.",
            (
                "Utility collection: {firm} presents the {month} direct debit for electricity and gas used at the "
                "home of {person}."
            ),
        ),
        validation=(
            (
                "{firm}, the utility that supplies gas in {city}, bills {person} {small} after the meter reading "
                "and collects it by direct debit."
            ),
        ),
        test=(
            (
                "Heating was costly this winter: the gas and electricity bill from {firm} is {small}, to be taken "
                "by direct debit as agreed."
            ),
            (
                "The direct debit of the water utility {firm} falls due on {date}; {person} confirms the meter and "
                "the bill for the house in {city}."
            ),
        ),
    ),
    Rule(
        number=4,
        decision="APPROVE",
        title="Charity donation",
        reason="a modest donation to a registered charity",
        train=(
            (
                "I would like to make a donation of {small} to {firm}, the registered charity that runs the [food "
                "bank|animal shelter] in {city}."
            ),
            (
                "{person} donates {small} to a registered charity for [sick children|flood relief]; the donation "
                "should arrive before {date}."
            ),
            (
                "Please send my yearly donation to the charity {firm}. They help homeless people and I have donated"
                " since {month}."
            ),
            (
                "After a sponsored run in {city}, {person} wants to give the money raised, {small}, to a charity "
                "for [blind|orphaned] children."
            ),
            (
                "Charity collection: our choir raised {small} at a concert in {city}, all of it a donation for the "
                "hospice."
            ),
            (
                "Donation by {person}, a [retired nurse|school teacher], to the registered charity {firm}; the "
                "purpose given is help for refugees."
            ),
        ),
        validation=(
            "We collected {small} at the school fair in {city} and wish to donate it to the children's charity {firm}.",
        ),
        test=(
            (
                "{person} has decided to donate {small} to the registered charity in {city} that cares for stray "
                "animals and the homeless."
            ),
            (
                "In memory of my aunt I send a donation of {small} to {firm}; it is a charity that supports a "
                "children's hospice."
            ),
        ),
    ),
    Rule(
        number=5,
        decision="APPROVE",
        title="Tuition fee",
        reason="a tuition fee paid straight to a known university",
        train=(
            (
                "Please pay the tuition fee of {amount} to the university in {city}; my [daughter|son] starts the "
                "new term in {month}."
            ),
            (
                "{person} is a student and asks us to send the semester tuition straight to the university, "
                "{amount}, reference on the letter."
            ),
            (
                "The university of {city} invoices tuition fees for the [spring|autumn] semester; {person} pays for"
                " a student in the second year."
            ),
            (
                "My student number is on the fee letter. I need {amount} for tuition to reach my university before "
                "the term begins on {date}."
            ),
            (
                "Tuition for one semester, {amount}, payee the university of {city}, paid by the parent {person} as"
                " in the last term."
            ),
            (
                "Our [niece|nephew] studies medicine; we cover the university fees of {amount} each term, and the "
                "next tuition is due in {month}."
            ),
        ),
        validation=(
            (
                "Student {person} has been admitted to the university of {city} and must settle tuition of {amount}"
                " for the first semester by {date}."
            ),
        ),
        test=(
            (
                "As a parent I pay my child's tuition fees directly to the university in {city}: {amount} for the "
                "coming semester, please."
            ),
            (
                "The term at the university opens in {month}; {person} requests that the student's tuition fee, "
                "{amount}, be transferred this week."
            ),
        ),
    ),
    Rule(
        number=6,
        decision="APPROVE",
        title="Tax refund",
        reason="a tax refund paid in by the revenue office",
        train=(
            (
                "The revenue office has paid {person} a tax refund of {amount}; the customer asks when it [will be "
                "available|can be used]."
            ),
            (
                "My tax return was accepted and a refund of {amount} came from the revenue office on {date}. Please"
                " credit it."
            ),
            (
                "Incoming payment from the revenue office in {city}: income tax refund for {firm}, {amount}, tax "
                "number matches our records."
            ),
            (
                "{person} filed the tax return in {month} and now [expects|sees] a refund from the revenue office "
                "on the account."
            ),
            (
                "We at {firm} overpaid value added tax; the revenue office returns {amount} as a tax refund, "
                "assessment attached."
            ),
            (
                "Tax refund, {amount}, sender is the revenue office of {city}, receiver {person}, who got the same "
                "kind of refund last year."
            ),
        ),
        validation=(
            (
                "A letter from the revenue office tells {person} that too much income tax was paid; a refund of "
                "{amount} arrives around {date}."
            ),
        ),
        test=(
            (
                "I was taxed too much last year, so the revenue office in {city} is sending me a refund of "
                "{amount}; is it there?"
            ),
            (
                "The accountant of {firm} reports a tax refund: {amount} credited by the revenue office after the "
                "assessment of {month}."
            ),
        ),
    ),
    Rule(
        number=7,
        decision="APPROVE",
        title="Transfer into one's own savings pot",
        reason="the customer moves money into their own savings pot",
        train=(
            (
                "Please move {amount} from my current account into my own savings pot; I am saving for a "
                "[holiday|new kitchen] in {month}."
            ),
            (
                "{person} puts {amount} aside each month in a savings pot here with us and wishes to [add to it|top"
                " it up] today."
            ),
            "I got a bonus at {firm} and want to put {amount} of it into my savings pot, where it earns interest.",
            (
                "Internal transfer: {person} saves for a rainy day and moves {amount} from current account to own "
                "savings pot."
            ),
            (
                "Could my savings pot receive {amount} on {date}? It is my own money and the [interest|rate] there "
                "is better."
            ),
            "{person} of {city} opened a savings pot for a child's future and now saves another {amount} into it.",
        ),
        validation=(
            (
                "To earn some interest, {person} sets aside {amount} and asks for it to be moved to the savings pot"
                " in the same name."
            ),
        ),
        test=(
            (
                "I am saving up for a bicycle tour: move {amount} out of my current account and into my savings "
                "pot, please."
            ),
            (
                "The savings pot of {person} should grow: {amount} from the customer's own current account, saved "
                "since {month}, is to be added."
            ),
        ),
    ),
    Rule(
        number=8,
        decision="APPROVE",
        title="Cash takings of a shop",
        reason="cash takings that fit the shop's usual trade",
        train=(
            (
                "{firm}, a [bakery|bookshop] in {city}, pays in the weekend's cash takings of {amount} through the "
                "night safe, as every Monday."
            ),
            "I run a small shop in {city} and would like to deposit the takings from my till, {amount} in cash.",
            (
                "Cash deposit by the shop {firm}: takings of the [market|summer sale] days, {amount}, coins and "
                "notes counted at the counter."
            ),
            (
                "Our till held more cash than usual after the street fair; {person} brings the shop's takings of "
                "{amount} in two bags."
            ),
            (
                "Shopkeeper {person} uses the night safe each evening; {month} takings of the shop in {city} are in"
                " line with earlier months."
            ),
            (
                "Takings of {amount} from the [flower|toy] shop {firm}, cash in sealed bags, dropped in the night "
                "safe on {date}."
            ),
        ),
        validation=(
            (
                "The greengrocer {person} came to the branch in {city} with {amount} in notes and coins: the shop's"
                " takings since Friday, straight from the till."
            ),
        ),
        test=(
            (
                "{person} closes the till at eight and drops the cash in your night safe; today the takings of our "
                "shop {firm} are {amount}."
            ),
            (
                "Weekly cash deposit: the butcher's shop in {city} hands in takings of {amount}, notes and coins, "
                "as expected for {month}."
            ),
        ),
    ),
)
