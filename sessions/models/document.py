"""A document that a decision was brought with. Written once, with the session, and never changed."""

from django.db import models


class Document(models.Model):
    class Kind(models.TextChoices):
        TEXT = "text", "Plain text"
        MARKDOWN = "markdown", "Markdown"
        PDF = "pdf", "PDF"

    session = models.ForeignKey("board.Session", on_delete=models.CASCADE, related_name="documents")
    position = models.PositiveSmallIntegerField(help_text="0, 1, 2 …, in the order in which they were attached")
    name = models.CharField(max_length=130)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    size = models.PositiveIntegerField(help_text="Bytes as sent")
    pages = models.PositiveIntegerField(null=True, blank=True, help_text="Of a PDF")
    characters = models.PositiveIntegerField(help_text="Of its text")
    text = models.TextField(help_text="What was read from it; the file itself is not kept")
    sha256 = models.CharField(max_length=64, help_text="Of the bytes as sent")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["session", "position"]
        constraints = [models.UniqueConstraint(fields=["session", "position"], name="document_position")]

    def __str__(self) -> str:
        return self.name
