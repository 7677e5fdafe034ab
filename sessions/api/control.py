"""Change the course of a session: pause, resume, kill, retry, answer, interject."""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from sessions.api import inputs, outputs
from sessions.api.base import BoardView, body
from sessions.api.idempotency import once
from sessions.api.schema import IDEMPOTENCY, problems
from sessions.api.strict import StrictSerializer
from sessions.models import Session
from sessions.services import control, recovery
from sessions.services import review as reviewing
from sessions.services.places import places

Post = TypeVar("Post", bound=Callable[..., Response])


def _documented(
    name: str, summary: str, request: type[StrictSerializer], answer: Any = outputs.Session
) -> Callable[[Post], Post]:
    return extend_schema(
        operation_id=f"sessions_{name}",
        summary=summary,
        tags=["control"],
        parameters=[IDEMPOTENCY],
        request=request,
        responses={202: answer, **problems(400, 403, 404, 409, 413, 415, 422)},
    )


#: A verb with its checked body, giving the session as it is afterwards.
Work = Callable[[Session, dict[str, Any]], Session]


class Verb(BoardView):
    """A verb on a session that the caller may control; it answers with the session as it is afterwards."""

    def do(
        self,
        request: Request,
        pk: UUID,
        form: type[StrictSerializer],
        verb: Callable[[Session, dict[str, Any]], Session],
    ) -> Response:
        session = self.controlled(pk)

        def work() -> Response:
            after = verb(session, dict(body(form, request).validated_data))
            return Response(outputs.Session(after, context={"request": request}).data, status=202)

        return once(request, work)


class Pause(Verb):
    @_documented("pause", "Rest before the next step; “requested” says so until then", inputs.Reason)
    def post(self, request: Request, pk: UUID) -> Response:
        return self.do(request, pk, inputs.Reason, lambda s, said: control.pause(s, request.user, said["reason"]))


class Resume(Verb):
    @_documented("resume", "Put a paused session back into line", inputs.Reason)
    def post(self, request: Request, pk: UUID) -> Response:
        return self.do(request, pk, inputs.Reason, lambda s, said: control.resume(s, request.user, said["reason"]))


class Kill(Verb):
    @_documented("kill", "Stop for good and at once", inputs.Reason)
    def post(self, request: Request, pk: UUID) -> Response:
        return self.do(request, pk, inputs.Reason, lambda s, said: control.kill(s, request.user, said["reason"]))


class Retry(Verb):
    @_documented("retry", "Carry on a failed or paused session from its last checkpoint, or an older one", inputs.Retry)
    def post(self, request: Request, pk: UUID) -> Response:
        def retry(session: Session, said: dict[str, Any]) -> Session:
            return recovery.resume_session_from_checkpoint(
                session.pk,
                said["checkpoint_id"] or None,
                actor=request.user,
                reason=said["reason"],
                reuse_answers=said["reuse_answers"],
            )

        return self.do(request, pk, inputs.Retry, retry)


class Answer(Verb):
    @_documented("answer", "Answer what the board asked", inputs.Answers)
    def post(self, request: Request, pk: UUID) -> Response:
        def answer(session: Session, said: dict[str, Any]) -> Session:
            return control.answer(session, request.user, said["answers"], said["interrupt_id"])

        return self.do(request, pk, inputs.Answers, answer)


class Review(Verb):
    @_documented("review", "Say yes to the frame and the board, or change them first", inputs.Review)
    def post(self, request: Request, pk: UUID) -> Response:
        session = self.controlled(pk)

        def work() -> Response:
            form = body(inputs.Review, request)
            asked = str(form.validated_data["interrupt_id"])
            after = reviewing.review(session, request.user, form.changes(), asked)
            return Response(outputs.Session(after, context={"request": request}).data, status=202)

        return once(request, work)


class Interject(BoardView):
    @_documented("interject", "Say something to the board while it debates", inputs.Interjection, outputs.Said)
    def post(self, request: Request, pk: UUID) -> Response:
        session = self.controlled(pk)

        def say() -> Response:
            text = body(inputs.Interjection, request).validated_data["text"]
            return Response({"sequence": control.interject(session, request.user, text)}, status=202)

        return once(request, say)


class Checkpoints(BoardView):
    @extend_schema(
        operation_id="sessions_checkpoints",
        summary="Steps from which a retry may start, newest first",
        tags=["control"],
        responses={200: outputs.RetryPoints, **problems(404)},
    )
    def get(self, request: Request, pk: UUID) -> Response:
        points = recovery.retry_points(self.session(pk))
        told = [
            {"checkpoint_id": point.checkpoint_id, "step": point.step, "at": at, "created_at": point.created_at}
            for point, at in zip(points, places(str(pk), points), strict=True)
        ]
        return Response(outputs.RetryPoints({"checkpoints": told}).data)
