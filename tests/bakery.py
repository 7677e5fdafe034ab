# ruff: noqa: E501
"""What a board said about the bakery of ``sessions.example``: texts for sessions that no engine has run."""

from typing import Any

from sessions.example import EXAMPLE

TITLE = "Take the café chain's wholesale contract?"
OPTIONS = EXAMPLE.options
PEOPLE = [
    (
        "cash-clerk",
        "The Cash Clerk",
        "Follows the money by date",
        "45 days against 14 is where a good contract kills a small firm.",
    ),
    (
        "pre-mortem",
        "The Coroner",
        "Pre-mortem",
        "Somebody has to describe the failure before the lease is signed.",
    ),
    (
        "option-trader",
        "The Option Trader",
        "Values reversible steps",
        "A notice of three months makes the size of the first step the real choice.",
    ),
    (
        "craft-keeper",
        "The Craft Keeper",
        "Reasons from what must not be lost",
        "The head baker is the product; her answer bounds every option.",
    ),
]
#: option index, claim, reasons, conditions, response, confidence – by round and person
SAID: list[list[tuple[int, str, list[str], list[str], str, float]]] = [
    [
        (
            1,
            "At full volume you lend the chain about 60,000 a month that you do not have.",
            [
                "1,400 pieces a day at 45 days' credit ties up six weeks of revenue, while the mill is paid after two.",
                "118,000 at the bank less three months of fixed cost leaves no room for a second lease.",
            ],
            ["The chain does not pay faster than it says"],
            "",
            0.74,
        ),
        (
            2,
            "In the version where this fails, the baker leaves in month four and the chain gives notice in month five.",
            [
                "Both exits are in other people's hands, and both are announced.",
                "A lease outlives a three-month notice by years.",
            ],
            [],
            "",
            0.66,
        ),
        (
            1,
            "Sell the spare 350 pieces first and let the chain pay for what you learn.",
            [
                "The oven is already paid; the step can be undone within a quarter.",
                "Six months of delivery show the true margin, the true returns and how punctual their accounts office is.",
                "A buyer who wants your bread will take a quarter of it; one who refuses wanted a price.",
            ],
            ["Night capacity really is 350 pieces, measured over two weeks and not on the best night"],
            "",
            0.71,
        ),
        (
            2,
            "Decline, because the only asset nobody can lease is the baker's consent.",
            [
                "She has said what she will not do; treating that as an opening bid is how you lose her.",
                "Growth that changes the bread sells something else under the same name.",
            ],
            ["She has been asked once more, in plain words, and means it"],
            "",
            0.69,
        ),
    ],
    [
        (
            1,
            "The small contract works if they pay in 21 days; at 45 even 350 pieces need about 14,000 of float.",
            [
                "350 pieces at 2.10 over 45 days is 33,000 outstanding against 9,000 of flour and wages due earlier.",
                "A 2 per cent discount for 21 days costs less than any loan you would be offered.",
            ],
            ["Payment within 21 days is in the contract, with a right to stop deliveries"],
            "Participant C's step is affordable only with a payment term. With it, I see no month below 70,000.",
            0.79,
        ),
        (
            1,
            "I can no longer write a convincing obituary for the six-month trial, only for the lease.",
            [
                "The trial fails cheaply: the worst case is a quarter of tired bakers.",
                "The date to fear is the shop's lease in fourteen months, and the trial ends before it.",
            ],
            ["No hire is made that the shop alone could not carry"],
            "The argument that the step can be undone moved me. The contract as offered still ends badly in every version.",
            0.68,
        ),
        (
            1,
            "Counter with 350 for six months, and name now what would make you go on to 700.",
            [
                "A threshold agreed beforehand keeps the next decision from being made by tiredness or pride.",
                "The chain gets a roadmap instead of a no.",
            ],
            ["The threshold names margin, punctual payment and the baker's consent"],
            "I take the payment term into the offer. To the Craft Keeper: 350 pieces need no change to the bread.",
            0.8,
        ),
        (
            2,
            "Even a small yes starts a habit of baking for somebody else's clock.",
            [
                "Delivery by six moves the bake to one in the morning for good, and shop bread gets older.",
                "The people who come for the bread pay three times what the chain pays for it.",
                "You have a waiting list already; you can fill 350 pieces with customers who collect, at a better price, "
                "without a contract that ties your mornings to eleven branches and their complaints. That is the "
                "alternative nobody in this room has priced, and it deserves a week of telephone calls before Friday's "
                "answer becomes a default.",
            ],
            ["The waiting list is real: at least twelve of its names order within a week"],
            "Nobody has answered what the shop's customers would taste in November. I grant that 350 pieces leave the "
            "recipes alone; I do not grant that they leave the baker alone.",
            0.64,
        ),
    ],
]
READINGS = [
    (
        "Nobody argues for the contract as offered. Two want a small trial in the existing oven, two want to decline; the "
        "split turns on whether a small contract can be undone in practice.",
        0.42,
        1.0,
        0.58,
        ["What payment term makes the trial safe?", "Does the head baker accept 350 pieces without changes?"],
        "continue",
        "The two camps differ on a fact that they can settle: what the trial would commit you to.",
        "Is a six-month trial of 350 pieces truly reversible, in cash and in people?",
    ),
    (
        "Three of four now support the trial with a payment term of 21 days and a threshold for going on. The Craft Keeper "
        "holds that the waiting list is the better buyer and has not been priced.",
        0.77,
        0.55,
        0.24,
        ["Who calls the waiting list before Friday?"],
        "vote",
        "Positions and their conditions are clear, and a further round would repeat them.",
        "",
    ),
]

MEMO: dict[str, Any] = {
    "recommendation": "Counter by Friday with 350 pieces a day for six months, paid within 21 days, and sign no lease.",
    "confidence": 0.76,
    "confidence_basis": "Three of four agree and for compatible reasons; the baker's answer is assumed, not known.",
    "rationale": (
        "Nobody on the board could defend the contract as offered: it finances a larger firm with money the bakery "
        "does not have, and both of its exits are in other hands.\n\nA trial from the existing oven buys the same "
        "knowledge at a price that can be lost. It ends before the shop's lease does, so the larger decision can be "
        "made once, with figures."
    ),
    "dissent": {
        "persona": "The Craft Keeper",
        "position": "Decline, and sell the spare 350 pieces to the waiting list at a better price.",
        "quote": "Even a small yes starts a habit of baking for somebody else's clock.",
    },
    "conditions": [
        "Payment within 21 days is in the contract",
        "The head baker agrees to 350 pieces, in her own words",
    ],
    "tripwires": [
        "Two payments in a row later than 30 days",
        "Cash below 70,000",
        "The landlord names a rise above 20 %",
    ],
    "option_reviews": [
        {
            "option": OPTIONS[0],
            "strengths": ["Doubles revenue"],
            "weaknesses": ["Ties up 60,000 a month", "The baker leaves"],
        },
        {
            "option": OPTIONS[1],
            "strengths": ["Can be undone in a quarter", "Teaches the true margin"],
            "weaknesses": ["The chain may refuse", "Earlier bake"],
        },
        {
            "option": OPTIONS[2],
            "strengths": ["Keeps the bread and its baker"],
            "weaknesses": ["Learns nothing about wholesale"],
        },
    ],
}

ACTIONS = [
    (
        "Ask the head baker about 350 pieces",
        "Put the trial to her before anybody else, and write down her terms.",
        "Owner",
        1,
        "high",
        "Her yes or no is on paper.",
        "She says no: decline.",
    ),
    (
        "Send the counter-offer",
        "350 pieces for six months, 21 days, with a right to stop deliveries.",
        "Owner",
        4,
        "high",
        "The chain has it before Friday noon.",
        "",
    ),
    (
        "Measure the nights",
        "Count spare pieces on fourteen nights, with the worst one as the figure.",
        "Night shift",
        18,
        "medium",
        "A table of fourteen nights.",
        "",
    ),
    (
        "Call the waiting list",
        "Twenty calls: price, volume, collection time.",
        "Shop lead",
        10,
        "medium",
        "Twelve firm answers.",
        "Fewer than five pick up.",
    ),
]
