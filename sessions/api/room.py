"""A session as a whole, for one answer. Every list is bounded by rounds, seats and sub-problems."""

import dataclasses
from typing import Any

from rest_framework.request import Request

from llm import ledger
from sessions.api import outputs
from sessions.models import Session


def read(session: Session, request: Request) -> dict[str, Any]:
    """The data of ``SessionDetail``: nine queries, whatever was said."""
    data = dict(outputs.Session(session, context={"request": request}).data)
    return {**data, "cost": cost(session), "room": _room(session)}


def cost(session: Session) -> dict[str, Any]:
    spent = ledger.cost_of(session.pk)
    return dict(
        outputs.Cost(
            {
                "currency": "USD",
                "cap": session.cost_cap,
                "complete": spent.complete,
                **dataclasses.asdict(spent),
            }
        ).data
    )


def _room(session: Session) -> dict[str, Any]:
    memo = session.memos.filter(superseded=False).last()
    return {
        "sub_problems": outputs.SubProblem(session.subproblems.filter(superseded=False), many=True).data,
        "seats": outputs.Seat(session.seats.filter(superseded=False), many=True).data,
        "contributions": outputs.Contribution(session.contributions.filter(superseded=False), many=True).data,
        "assessments": outputs.Assessment(session.assessments.filter(superseded=False), many=True).data,
        "recommendations": outputs.Recommendation(session.recommendations.filter(superseded=False), many=True).data,
        "memo": outputs.Memo(memo).data if memo else None,
        "actions": outputs.Action(session.actionproposals.filter(superseded=False), many=True).data,
    }
