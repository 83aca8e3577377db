"""Words that begin and end no term: English ones, and Chinese characters that hang on words as particles do."""

_ENGLISH = """
    a about above after again against all also am an and any are as at be because been before being below between
    both but by can cannot could did do does doing done down during each either else etc even ever every few first
    for from further get gets given had has have having he her here hers herself him himself his how however i if in
    into is it its itself just last less like made make makes many may me might more most much must my myself
    neither never next no nor not now of off on once one only onto or other others our ours ourselves out over own
    per perhaps rather same second see shall she should since so some still such than that the their theirs them
    themselves then there therefore these they third this those three through thus to too two under until up upon us
    use used uses using very via was we well were what when where whether which while who whom whose why will with
    within without would yet you your yours yourself yourselves it's i'm i've i'd don't doesn't didn't can't won't
    isn't aren't wasn't that's
"""
_CHINESE = (
    "的了着过是在有和与及或也都就又还很太最更不没我你他她它们这那其之于以为被把对从到个些吗呢吧啊让给而则将会要能可"
)
ENGLISH = frozenset(_ENGLISH.split())
CHINESE = frozenset(_CHINESE)
