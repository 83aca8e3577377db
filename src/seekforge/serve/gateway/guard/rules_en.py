"""Rules against prompt injection in English; see `injection` for how they are weighed.

Gaps are bounded, so that no text makes a search long.
"""

from __future__ import annotations

from seekforge.serve.gateway.guard.rules import rule

ENGLISH = (
    rule(
        "override",
        3,
        "ignor|disregard|forget|bypass|overrid|not follow|n't follow|stop following|no longer|discard|neglect",
        r"""\b(?:ignor(?:e|ing)|disregard|forget|bypass|overrid(?:e|ing)|(?:do[ ]not|don't|stop|no[ ]longer)[ ]
        (?:have[ ]to[ ]|need[ ]to[ ]|must[ ])?follow(?:ing)?|discard|neglect)[ ](?:about[ ]|(?:any|all|every(?:thing)?)
        [ ]|of[ ]|the[ ]|your[ ]|these[ ]|those[ ]|my[ ]){0,4}
        (?:(?:previous|prior|above|earlier|preceding|existing|original|initial|former|past|system|openai(?:'s)?|default|
        safety|built-in)[ ,](?:[\w'-]+[ ]){0,3}?
        (?:instruction|prompt|rule|guideline|direction|directive|command|programming|training|restriction|polic|
        conversation|context|constraint)
        |(?:[\w'-]+[ ]){0,2}?(?:instruction|prompt|rule|guideline|direction|directive|command|restriction)s?[ ]
        (?:you[ ](?:got|were|have|had|received)|above|before|given|that[ ](?:came|were|you))
        |(?<=your[ ])(?:[\w'-]+[ ]){0,2}?(?:instruction|rule|guideline|programming|training|restriction)
        |(?:you|that)[ ](?:learned|were[ ]told|have[ ]been[ ]told|know)[ ](?:before|above|previously|so[ ]far))""",
    ),
    rule(
        "reveal",
        3,
        "system prompt|system message|initial prompt|initial instruction|hidden prompt|hidden instruction|"
        "your instructions|your prompt|text above|words above|everything above|instructions above|prompt above|"
        "your system|your initial|your hidden|secret instruction",
        r"""\b(?:reveal|show|print|repeat|output|display|tell|give|what[ ](?:is|are|was|were)|what's|leak|dump|recite|
        write|copy|disclose|translate|summari[sz]e|echo|share|provide|return)[ ](?:[\w'-]+[ ]){0,5}?
        (?:your[ ](?:[\w'-]+[ ]){0,2}?(?:system[ ]|initial[ ]|hidden[ ]|secret[ ]|original[ ])(?:prompt|message
        |instruction)
        |your[ ](?:exact[ ]|full[ ]|own[ ])?(?:instructions|prompt)\b
        |the[ ](?:[\w'-]+[ ])?(?:hidden|initial|secret)[ ](?:prompt|instruction)
        |(?:the[ ]|your[ ])?(?:full[ ]|entire[ ]|exact[ ]|whole[ ])(?:system[ ])(?:prompt|message)
        |(?:the[ ])?(?:text|words|instructions|prompt)[ ]above|everything[ ]above)""",
    ),
    rule(
        "jailbreak",
        3,
        "do anything now|dan mode|a dan|jailbreak|jailbroken|developer mode|devmode|anti-dan|dan,|evil confidant",
        r"""do[ ]anything[ ]now|\bdan[ ]mode|\b(?:as|be|named|called)[ ]a?[ ]?(?:anti-)?dan\b
        |\[[ ]?(?:jailbreak|jailbroken|dan|developer[ ]mode)|\bjailbreak(?:ed|ing)?[ ](?:mode|prompt[ ]:)
        |\bact(?:ing)?[ ](?:as|like)[ ].{0,30}(?:devmode|developer[ ]mode)|\byou(?:'re|[ ]are)[ ].{0,24}developer[ ]mode
        |developer[ ]mode[ ](?:is[ ])?(?:enabled|activated|output)|\bjailbroken\b""",
    ),
    rule(
        "template",
        3,
        "<|im_|<|system|<|user|<|assistant|<|end|<|begin|<|start_header|[inst]|<<sys>>|<|eot|<start_of_turn>",
        r"""<\|(?:im_(?:start|end)|system|user|assistant|end(?:oftext|_of_text|[ ▁_]?of[ ▁_]?sentence)?|start_header_id
        |begin[ ▁_]of[ ▁_](?:text|sentence)|eot_id)\|>|\[inst\]|<<sys>>|<start_of_turn>""",
    ),
    rule(
        "no_rules",
        2,
        "restriction|limitation|filter|censor|guideline|rules|ethic|moral|polic|limits|constraint|boundar|bound by|"
        "safeguard",
        r"""\b(?:no|without|zero|lacks?|free[ ](?:of|from)|not[ ](?:bound|limited|restricted|constrained)[ ]by|ignor\w+|
        bypass\w*|breaks?|broken[ ]free|(?:not|n't|never)[ ](?:have|has|follow|adhere[ ]to|abide[ ]by|care[ ](?:about
        |for)|
        comply[ ]with|subject[ ]to|apply|obey|respect|give[ ]a[ ]\w+[ ]about)|disregards?|regardless[ ]of|
        (?:remove|lift|disable|drop)[sd]?|devoid[ ]of|unbound[ ]by|cares?[ ]nothing[ ]about|rid[ ]of
        |never[ ]cares[ ]about)
        [ ](?:[\w'/-]+,?[ ]){0,5}?
        (?:restriction|limitation|(?:content[ ])?filter|censor|guideline|rules\b|ethic|moral|(?:content[ ])?polic
        |limits\b|
        constraint|boundar|safeguard)""",
    ),
    rule(
        "never_refuse",
        2,
        "refuse|refusing|decline|say no|reject|say you can|say that you can|denies|deny|i can't|i cannot|i'm sorry|"
        "cannot do",
        r"""\b(?:never|not|cannot|can't|won't|don't|doesn't|unable[ ]to|must[ ]not|without|instead[ ]of)[ ]
        (?:ever[ ]|be[ ]able[ ]to[ ]|allowed[ ]to[ ]|going[ ]to[ ])?
        (?:refus(?:e|es|ing)|declin(?:e|es|ing)|reject|den(?:y|ies)|say[ ](?:no\b|(?:that[ ]
        |things[ ]like[ ])?["']?(?:you|i)
        [ ']?(?:can|am|m)))
        |\bnever[ ](?:say|respond[ ]with|tell[ ]me)[ ].{0,20}(?:i[ ]can't|i[ ]cannot|i'm[ ]sorry|you[ ]can(?:'t
        |not))""",
    ),
    rule(
        "persona",
        1,
        "from now on|pretend|act as|acting as|role play|roleplay|role-play|you are going to|you will be|immerse|"
        "you are now|simulate|play the role|you are no longer|impersonate|embody|you are about to|hypothetical|"
        "respond as|"
        "you will act|your name is|character",
        r"""\bfrom[ ]now[ ]on\b|\bpretend|\b(?:you|will|to|must|and|,|please)[ ](?:will[ ])?(?:act|acting|respond
        |answer)
        [ ](?:only[ ])?as\b|^act[ ]as|role[ -]?play|\byou(?:'re|[ ]are)[ ]now[ ](?!able|allowed|ready|logged|at[ ]
        |in[ ]a[ ]|on[ ])
        |\byou[ ](?:are|will)[ ](?:going[ ]to|about[ ]to|no[ ]longer|be)
        [ ](?:act|respond|answer|play|pretend|be[ ]|an?[ ]|the[ ]|immers|simulat|called|known|speak|bound|become|stay)
        |immerse|\bsimulate|play[ ]the[ ]role|impersonate|\bembody|hypothetical|your[ ]name[ ]is|a[ ]character[ ]""",
    ),
    rule(
        "in_character",
        1,
        "in character|break character|stay a|out of character|in-character|stay in|remain in",
        r"""\b(?:stay|stays|remain|keep|speak|always|be)[ ](?:\w+[ ])?in[ -]character|break(?:ing|s)?[ ](?:out[ ]of[ ])?
        character|\bstay[ ]a[ ]dan\b|out[ ]of[ ]character""",
    ),
    rule(
        "lawless",
        1,
        "unfiltered|uncensored|amoral|immoral|unethical|illegal|nsfw|unrestricted|unrestrained|unlimited|explicit|"
        "offensive|legality|ethicality|profan|curse|swear|inappropriate|controversial|dangerous",
        r"""\b(?:unfiltered|uncensored|amoral|immoral|unethical|unrestricted|unrestrained|nsfw|legality|ethicality)\b
        |\b(?:illegal|explicit|offensive|inappropriate|dangerous|profan\w+|controversial|curs(?:e|ing)|swear(?:ing)?)
        \b.{0,24}\b(?:or|and|,|/)""",
    ),
    rule(
        "policy",
        1,
        "openai|content policy|usage polic|safety guideline|ethical guideline|community guideline|deepseek",
        r"""\b(?:openai|deepseek)(?:'s)?[ ](?:[\w-]+[ ]){0,2}?(?:polic|guideline|rule|restriction|limitation|filter
        |censor|
        moderation|terms)|(?:content|usage)[ ]polic|(?:safety|ethical|community)[ ]guideline""",
    ),
    rule(
        "no_warnings",
        1,
        "warning|disclaimer|moraliz|moralis|apolog|lectur|as an ai",
        r"""\b(?:no|without|not|never|n't|skip|omit|avoid|exclude|refrain[ ]from)[ ](?:[\w'/-]+,?[ ]){0,6}?
        (?:warning|disclaimer|morali[sz]|apolog|lectur|as[ ]an[ ]ai)""",
    ),
    rule(
        "two_voices",
        1,
        "two different|two separate|two responses|two answers|two ways|two paragraphs|both as|double response|prefix",
        r"""\btwo[ ](?:different[ ]|separate[ ]|distinct[ ])*(?:way|response|answer|paragraph|version|output|message)
        |both[ ]as|double[ ]response|\bprefix(?:ed)?[ ](?:\w+[ ]){0,4}?(?:with|by)""",
    ),
    rule(
        "whatever_asked",
        1,
        "anything|any question|any request|whatever i|everything i|any prompt|all my|any kind of content|any topic",
        r"""\b(?:answer|do|say|generate|create|write|respond[ ]to|comply[ ]with|fulfil+|obey|provide|follow|produce
        |complete)
        [ ](?:\w+[ ]){0,2}?(?:anything|any[ ](?:\w+[ ])?(?:question|request|prompt|kind[ ]of[ ]content|topic|command)s?|
        whatever[ ]i|everything[ ]i|all[ ]my[ ](?:request|question|command))""",
    ),
)
