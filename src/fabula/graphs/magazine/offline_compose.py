"""What a composer's prompt says of each template, read back for the offline recipe."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass

from fabula.graphs.magazine.offline_material import Task

_TEMPLATE = re.compile(r"<template ([^>]*)>")
_RULES = re.compile(r'<rules template="([^"]+)" type="([^"]+)" ([^>]*)>')
_BANNED = re.compile(r'<banned template="([^"]+)">(.*?)</banned>')
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class House:
    """One template as the prompt shows it."""

    id: str
    register: str
    body: tuple[str, ...]
    wanted: int
    banned: tuple[str, ...]
    rules: Mapping[str, str]
    """For each section type, the attributes that its writer's plan would carry."""

    def task(self, whole: Task, type_: str = "", section_id: str = "") -> Task:
        """Return the task of one section, worded as its writer's own prompt words it."""
        plan = f'<plan id="{section_id}" type="{type_}" {self.rules.get(type_, "")}'
        must = f"반드시 다루고 인용하세요: {', '.join(whole.must_cite)}." if whole.must_cite else ""
        return Task(
            system=f"{must}\n쓰지 않는 말: {', '.join(self.banned)}.",
            # Before the templates, whose registers are read where there is no plan.
            user=f'{plan} register="{self.register}"></plan>\n{whole.user}',
        )


def houses_of(prompt: str) -> Mapping[str, House]:
    """Read every template of a composer's prompt, by id."""
    rules: dict[str, dict[str, str]] = {}
    for id_, type_, attributes in _RULES.findall(prompt):
        rules.setdefault(id_, {})[type_] = attributes
    banned = {id_: html.unescape(words).split(", ") for id_, words in _BANNED.findall(prompt)}
    found = (dict(_ATTRIBUTE.findall(attributes)) for attributes in _TEMPLATE.findall(prompt))
    return {
        one["id"]: House(
            id=one["id"],
            register=one["register"],
            body=tuple(one["body"].split()),
            wanted=int(one["wanted"]),
            banned=tuple(banned.get(one["id"], ())),
            rules=rules.get(one["id"], {}),
        )
        for one in found
    }
