"""A decision to try the board with."""

from sessions.services.start import Decision

EXAMPLE = Decision(
    problem=(
        "Our bakery has one shop and a waiting list for wholesale. A café chain with eleven branches has offered us a"
        " two-year contract: they want 1,400 loaves and pastries every morning from March, delivered by six. It would"
        " double our revenue, but our oven is already full from two to seven at night, so we would have to lease a"
        " second site with a deck oven for about 6,800 a month and hire five night bakers before the first delivery."
        "\n\n"
        "The chain may cancel with three months' notice. They pay in 45 days; our mill wants its money in 14. Our head"
        " baker, who built the sourdough programme, has said that she will not run two sites and would rather leave"
        " than see the bread change. The shop alone earns a steady 9 per cent, and its lease runs out in fourteen"
        " months; the landlord has hinted at a rise of a fifth.\n\n"
        "I have to answer the chain by Friday. Should we take the contract as offered, counter with a smaller one that"
        " fits the oven we have, or decline and put the money into the shop? I want the strongest case for each, who"
        " disagrees and why, and what I should do on Monday."
    ),
    context=(
        "Cash at bank: 118,000. Monthly fixed costs: 41,500. Spare oven capacity today: about 350 pieces a night."
        " Wholesale margin after flour, labour and delivery: 14 to 17 per cent at full volume."
    ),
    options=[
        "Take the two-year contract as offered and lease a second site",
        "Counter with 350 pieces a day from the oven we have, for six months",
        "Decline, and invest in the shop and its lease",
    ],
    constraints=[
        "The answer is due on Friday",
        "No personal guarantee on a new lease",
        "The head baker must not be overruled on the recipes",
    ],
)
