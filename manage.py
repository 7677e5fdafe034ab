#!/usr/bin/env python
"""Django's command line."""

import os
import sys

from bo1site.collector import look_less_often


def main() -> None:
    look_less_often()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bo1site.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
