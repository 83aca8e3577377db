"""Invented people, firms, towns and numbers: every split draws from pools of its own."""

from random import Random

from rules import Split

Pool = dict[Split, tuple[str, ...]]


def _names(text: str) -> tuple[str, ...]:
    """Split a comma-separated block of names."""
    return tuple(" ".join(name.split()) for name in text.split(","))


PERSONS: Pool = {
    "train": _names("""
        Lena Novak, Omar Haddad, Ines Ferreira, Tobias Kern, Priya Raman, Marcus Holt, Greta Lind, Samir Aziz,
        Nadia Petrova, Hugo Marchetti, Clara Weiss, Desmond Okafor, Yuki Tanabe, Elsa Bergstrom, Ravi Menon,
        Paula Sandoval, Jonas Eklund, Mirela Popa, Felix Brandt, Amara Diallo, Stefan Vukovic, Rosa Delgado,
        Anton Keller, Leila Mansour, Peter Zelenka, Agnes Varga, Diego Fuentes, Hanna Salo, Victor Lambert,
        Maya Kapoor, Erik Dahl, Sonia Ribeiro, Tomas Havel, Farah Siddiqui, Ludwig Amsel, Bianca Conti,
        Kwame Boateng, Irina Sokolova, Noel Gallant, Zara Hussain, Matteo Ricci, Edith Fairley, Goran Babic,
        Celia Moreau, Arjun Pillai, Freya Nilsen, Oscar Quintero, Martha Ellwood, Ivan Dragan, Lucia Serrano,
        Basil Thorne, Keiko Mori, Rupert Haines, Alina Kowal, Mehmet Demir, Judith Abram, Carlos Pinto,
        Wanda Zielinski, Declan Roche, Simone Aubert, Pavel Ruzicka, Nora Lindqvist, Idris Bello, Helga Stroud
    """),
    "validation": _names("""
        Abel Winther, Bettina Kruse, Cormac Doyle, Dalia Nassar, Emil Sorensen, Fiona Gates, Gustav Reiner,
        Hiba Khoury, Isaac Penrose, Jelena Markovic, Kurt Vogel, Livia Barone, Magnus Thorsen, Odile Renard,
        Piotr Wrona, Ruth Ashdown
    """),
    "test": _names("""
        Abigail Crane, Benedikt Sauer, Camille Dupont, Darius Mokri, Evelyn Marsh, Fabian Oster, Gloria Mendes,
        Harald Bruun, Imogen Blythe, Jakub Nemec, Kamala Iyer, Lorenzo Galli, Miriam Stein, Nikolai Orlov,
        Olga Hrubin, Patrick Keane, Quentin Leroy, Renata Vidal, Sven Hallgren, Tamara Ilic, Ursula Frey,
        Viktoria Szabo, Walter Prins, Xenia Pappas, Yasmin Farouk, Zoltan Kiss, Bruno Tavares, Dorothy Wick,
        Gareth Pryce, Selma Aydin, Theo Langley, Vera Castell
    """),
}

FIRMS: Pool = {
    "train": _names("""
        Calder & Voss, Brightmoor, Tannery Nine, Oakline, Fennimore Brothers, Quillstone, Marrow & Pike,
        Larkholm, Redfern Works, Silverbeck, Tolland Partners, Ursine Trading, Vantry, Wexcombe,
        Yarrow & Daughters, Zephyr Row, Amberley Nine, Bluethorn, Copperwick, Dunmere, Elmstead Group,
        Foxhollow, Graymount, Hartwell & Lowe, Ironside Union, Juniper Cross, Kettleby, Lindenhall, Mossgate,
        Nettlefield, Ottersea, Pennyroyal
    """),
    "validation": _names("""
        Ashby & Crook, Birchwold, Corvane, Dovecote Five, Everholt, Farrowdale, Glenmoss, Hexley Court
    """),
    "test": _names("""
        Anstruth & Bell, Bramwick, Cloverdene, Drayhurst, Eastwold Circle, Fallowmere, Gorsebank, Hollin & Reed,
        Inkwell Seven, Jessamy, Knapton Vale, Lowrie & Sons, Medlar House, Norrish, Orchardine, Plumtree Eight
    """),
}

CITIES: Pool = {
    "train": _names("""
        Port Elling, Sandmouth, Vardeby, Lower Quay, Altenrode, Mirefield, San Orlo, Keldhaven, Brackwater,
        Tirnova, Eastmere, Valdoro, Hollowford, Nysted Bay, Grantley, Pontabel, Ostrena Hill, Rookhampton,
        Selmouth, Tarnby, Ullerton, Westerlow, Cape Morran, Dunhaven
    """),
    "validation": ("Arkendale", "Belmora", "Castrel", "Dornwick", "Ebbsham", "Farholt", "Gildermond", "Havelock Sands"),
    "test": _names("""
        Ambleforth, Barrow Sound, Colmira, Dravina, Esterby, Fenwick Hythe, Garlanda, Highmoor, Isola Verra,
        Jarnholm, Kirkmond, Lundholme, Montavel, Northey
    """),
}

BANKS: Pool = {
    "train": _names("""
        Veldan Bank, Bank of Tressel, Orrin Bank, Corbel Bank, Bank of Hathersea, Sorrel Bank, Kingsley Mutual,
        Trivane Bank
    """),
    "validation": ("Bank of Ardmoor", "Pellan Bank", "Nordane Mutual"),
    "test": ("Bank of Galmory", "Esker Bank", "Lorimer Mutual", "Umber Bank", "Wendle Bank"),
}

DEVICES: Pool = {
    "train": _names("""
        Pelora phone, Kestrel tablet, Nimbus laptop, Vireo phone, Castor tablet, Solano phone, Brio laptop,
        Tamar phone
    """),
    "validation": ("Ondine phone", "Lyra tablet", "Fulmar laptop"),
    "test": ("Zefira phone", "Corvo tablet", "Marlin laptop", "Ibis phone", "Tessel phone"),
}

MONTHS: Pool = {
    "train": ("January", "March", "April", "June", "July", "September"),
    "validation": ("February", "November"),
    "test": ("May", "August", "October", "December"),
}

# Neutral words of the desk around a message; they say nothing about the case.
LEADS = (
    "By phone: ",
    "By e-mail to {clerk}: ",
    "Chat, case {ref}: ",
    "App inbox, case {ref}: ",
    "Letter to {clerk}: ",
    "Queue, case {ref}: ",
    "Note by {clerk}: ",
    "Taken down by {clerk}: ",
)
TAILS = (
    " Reference {ticket}.",
    " Seen by {colleague}.",
    " Answer wanted by {deadline}.",
    " File {ticket}, {colleague}.",
    " Passed on by {colleague} on {deadline}.",
    " Second message on this.",
    " No further details given.",
)

# Sums of money in pounds: slot -> (smallest, largest). A remainder keeps the numbers of the splits apart.
_SUMS = {"small": (40, 480), "amount": (520, 4_900), "large": (12_000, 96_000)}
_REMAINDERS: dict[Split, tuple[int, ...]] = {"train": (0, 1, 2), "validation": (3,), "test": (4,)}
_REFERENCES: dict[Split, tuple[int, int]] = {"train": (1000, 4999), "validation": (5000, 5999), "test": (6000, 9999)}


def draw(slot: str, split: Split, rng: Random) -> str:
    """Draw a value for one slot of a template.

    Args:
        slot: The slot's name, for example ``person``.
        split: The split whose pool is used.
        rng: The seeded source of chance.

    Returns:
        The text that fills the slot.

    Raises:
        KeyError: If no pool is known for the slot.
    """
    if slot in _SUMS:
        return _sum(*_SUMS[slot], split, rng)
    if slot in ("ref", "ticket"):
        return str(rng.randint(*_REFERENCES[split]))
    if slot in ("date", "deadline"):
        return f"{rng.randint(1, 28)} {rng.choice(MONTHS[split])}"
    return rng.choice(_POOLS[slot][split])


def _sum(low: int, high: int, split: Split, rng: Random) -> str:
    """Draw a sum of money; its tens, divided by five, leave a remainder that only this split uses."""
    tens = rng.randrange(low // 50, high // 50) * 5 + rng.choice(_REMAINDERS[split])
    return f"£{tens * 10:,}"


_POOLS: dict[str, Pool] = {
    "person": PERSONS,
    "other": PERSONS,
    "clerk": PERSONS,
    "colleague": PERSONS,
    "firm": FIRMS,
    "city": CITIES,
    "bank": BANKS,
    "device": DEVICES,
    "month": MONTHS,
}
