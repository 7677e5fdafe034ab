from django.apps import AppConfig


class LLMConfig(AppConfig):
    name = "llm"
    label = "llm"
    verbose_name = "Language models"
