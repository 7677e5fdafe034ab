"""Every code that the API can answer with: its HTTP status, what it means, and what to do about it.

The codes are a promise to programs: they may be added to, never renamed.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """``title`` says what is wrong in general, ``hint`` what the caller can do."""

    status: int
    title: str
    hint: str


CATALOGUE: dict[str, Kind] = {
    # -- the request itself
    "malformed_json": Kind(400, "The body is not JSON", "Send one JSON object in UTF-8, and check commas and quotes."),
    "bad_request": Kind(400, "The request cannot be read", "Check the request line, the headers and the body."),
    "invalid_input": Kind(400, "Several fields are wrong", "Correct each field listed in “errors”."),
    "unknown_field": Kind(400, "A field does not exist", "Remove or rename the fields listed in “errors”."),
    "required": Kind(400, "A field is missing", "Add the field named in “errors”."),
    "wrong_type": Kind(400, "A value has the wrong type", "Send the type that the field expects."),
    "invalid_number": Kind(400, "A number cannot be used", "Send a plain number, with at most four decimal places."),
    "control_characters": Kind(400, "A text contains control characters", "Paste the text as plain text."),
    "problem_too_short": Kind(400, "The decision is too short", "Say what has to be decided, and by when."),
    "too_long": Kind(400, "A text is too long", "Keep what the decision turns on, leave out the rest."),
    "too_many": Kind(400, "A list is too long", "Keep the entries that matter most."),
    "rounds_out_of_range": Kind(400, "The number of rounds is out of range", "Choose between 1 and 10 rounds."),
    "cap_out_of_range": Kind(400, "The cost cap is out of range", "Choose a cap above 0 and up to 10,000 dollars."),
    "unknown_expert": Kind(400, "There is no such expert", "Take slugs from /api/v1/personas/."),
    "expert_picked_and_vetoed": Kind(400, "An expert is both wanted and refused", "Decide for one of the two."),
    "too_many_experts": Kind(400, "Too many experts are picked", "Pick at most five; leave the rest to the board."),
    "too_few_experts_left": Kind(400, "Too many experts are refused", "Leave at least five to choose from."),
    "too_many_documents": Kind(400, "Too many documents are attached", "Attach at most five."),
    "document_empty": Kind(400, "A document is empty", "Leave it out, or attach the one that was meant."),
    "document_too_large": Kind(400, "A document is too large", "Attach files of at most 5 MB."),
    "documents_too_large": Kind(400, "The documents are too large together", "Attach at most 12 MB in all."),
    "document_kind": Kind(400, "A document is of no kind that can be read", "Attach plain text, Markdown or PDF."),
    "document_encrypted": Kind(400, "A PDF is protected by a password", "Save a copy without one and attach that."),
    "document_broken": Kind(400, "A PDF cannot be read", "Save it again as a PDF, or attach its text."),
    "document_without_text": Kind(400, "A PDF has no text", "Its pages are pictures, perhaps: attach the text."),
    "document_too_many_pages": Kind(400, "A PDF has too many pages", "Attach at most 200 pages."),
    "document_too_long": Kind(400, "A document has too much text", "Attach what the decision turns on."),
    "document_too_slow": Kind(400, "A PDF takes too long to read", "Save it again as a PDF, or attach its text."),
    "invalid_choice": Kind(400, "A value is none of the choices", "Send one of the values that /api/docs/ lists."),
    "out_of_range": Kind(400, "A value is out of range", "Correct the fields listed in “errors”."),
    "empty": Kind(400, "The text is empty", "Say something."),
    "answers_do_not_match": Kind(400, "Not every question is answered", "Give one answer for each question, in order."),
    "unknown_question": Kind(400, "The board has not asked this", "Take “interrupt_id” from session_waiting."),
    "review_expected": Kind(400, "The board waits for a review", "Send your changes, or none, to …/review."),
    "too_few_options": Kind(400, "Too few options", "Leave at least two options, or none to keep the board's."),
    "unknown_part": Kind(400, "There is no such part", "Take “position” from the parts of session_waiting."),
    "no_part_left": Kind(400, "No part is left", "Leave at least one part."),
    "unknown_persona": Kind(400, "There is no such expert", "Take a slug from the catalogue."),
    "unknown_parameter": Kind(400, "A query parameter does not exist", "Remove or rename it; /api/docs/ lists them."),
    "invalid_parameter": Kind(400, "A query parameter is wrong", "Correct the parameters listed in “errors”."),
    "invalid_cursor": Kind(
        400, "The cursor cannot be read", "Follow “next” and “previous” as they are, or start anew."
    ),
    "malformed_event_id": Kind(400, "The Last-Event-ID is not one", "Send the id of the last event you received."),
    "invalid_idempotency_key": Kind(
        400, "The Idempotency-Key cannot be used", "Send 1 to 200 visible ASCII characters, for example a UUID."
    ),
    # -- who asks
    "not_authenticated": Kind(
        401, "You are not signed in", "Send “Authorization: Token …”; you find your token on the page /token/."
    ),
    "invalid_token": Kind(401, "The token is not valid", "Check it for missing characters, or create a new one."),
    "forbidden": Kind(403, "You may not do this", "Ask the owner of the session, or staff with the permission."),
    "csrf_failed": Kind(
        403, "The CSRF token is missing or wrong", "Send X-CSRFToken with a signed-in page, or use a token instead."
    ),
    # -- what is asked for
    "not_found": Kind(404, "There is nothing here", "Check the address; it may also be something you may not read."),
    "method_not_allowed": Kind(405, "The method does not fit", "Use one of the methods in the Allow header."),
    "not_acceptable": Kind(406, "No such format", "Ask for a media type that /api/docs/ names, or for */*."),
    "illegal_transition": Kind(
        409, "The session is in another state", "Read the session again: its status says what is possible now."
    ),
    "no_memo_yet": Kind(409, "The board has not advised yet", "Wait until the session has completed."),
    "no_decision_yet": Kind(409, "No decision is recorded", "Record what you decided first."),
    "not_recoverable": Kind(409, "A retry cannot help", "Retry from an earlier checkpoint, or start anew."),
    "unknown_checkpoint": Kind(409, "There is no such checkpoint", "Choose one from the session's checkpoints."),
    "graph_version": Kind(409, "The session is of an older version", "Bring the decision to the board again."),
    "length_required": Kind(411, "The length of the body is not given", "Send Content-Length instead of chunks."),
    "too_large": Kind(413, "The body is too large", "Send at most 2 MB, with files 14 MB."),
    "unsupported_media_type": Kind(415, "The body is not JSON", "Send “Content-Type: application/json”."),
    "idempotency_key_reused": Kind(
        422, "The Idempotency-Key was used for another body", "Use a new key for a new request."
    ),
    "throttled": Kind(429, "Too many requests", "Wait for the seconds in the Retry-After header."),
    "too_many_reconnects": Kind(429, "The stream is opened too often", "Wait for the seconds in Retry-After."),
    "too_many_streams": Kind(429, "You have too many streams open", "Close one of them, or wait for Retry-After."),
    # -- our side
    "internal_error": Kind(500, "Something broke on our side", "Try again; if it stays, tell the people who run it."),
    "unavailable": Kind(
        503, "The board cannot answer just now", "Wait for the seconds in the Retry-After header, then try again."
    ),
    "shutting_down": Kind(503, "The server is being restarted", "Reconnect after Retry-After; nothing is lost."),
    "streams_full": Kind(503, "The server carries no more streams", "Reconnect after Retry-After; nothing is lost."),
}

#: What a code of a service that is not listed above means to a caller.
OTHER = Kind(400, "The request cannot be carried out", "Read “detail”, correct the request and send it again.")
