"""Bounds a request that carries files while it comes in, before anything of it is kept."""

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler

from sessions.documents.attachment import LARGEST_REQUEST


class BoundedUploads(FileUploadHandler):
    """First of ``FILE_UPLOAD_HANDLERS``: refuses more than ``LARGEST_REQUEST`` bytes, and keeps nothing itself."""

    _received = 0

    def handle_raw_input(
        self,
        input_data: Any,
        META: Any,
        content_length: int,
        boundary: Any,
        encoding: str | None = None,
    ) -> None:
        if content_length > LARGEST_REQUEST:
            raise RequestDataTooBig("The documents are too large.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self._received += len(raw_data)
        if self._received > LARGEST_REQUEST:
            raise RequestDataTooBig("The documents are too large.")
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
