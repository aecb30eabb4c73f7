"""What the parts of a config folder must have in common: its texts, and the languages that its services name."""

from dataclasses import replace
from pathlib import Path

from alertd.domain.service import Services
from alertd.ingest.reading import Problem
from alertd.policy_file import unspoken_names
from alertd.settings import shipped_config
from alertd.texts import Composer
from alertd.texts.builtin import PHRASES
from alertd.texts.folder import check_folder, spoken_locales
from alertd.texts.places import placed
from alertd.texts.replies import check_replies


def templates_folder(config: Path) -> Path:
    """A config folder's own templates, else the shipped ones: who changes a policy need not copy every text."""
    own = config / "templates"
    return own if own.is_dir() else shipped_config() / "templates"


def locales(config: Path) -> frozenset[str]:
    """The languages that people may write in: those with a folder, be it broken; else those of the plain words."""
    return spoken_locales(templates_folder(config)) or frozenset(PHRASES)


def check_texts(config: Path, services: Services, texts: Composer, *, thorough: bool = True) -> list[Problem]:
    """Everything that is wrong with the texts of a config folder, by file and line.

    `texts` are those that were read of its `templates_folder`; `thorough` as in `Composer.check`.
    """
    templates = templates_folder(config)
    own = [*check_folder(templates), *texts.broken, *placed(templates, texts.check(thorough=thorough))]
    own += check_replies(templates, services.names)
    return [
        *unspoken_names(config / "services.yaml", spoken_locales(templates)),
        *(replace(each, file=str(templates / (each.file or ""))) for each in own),
    ]
