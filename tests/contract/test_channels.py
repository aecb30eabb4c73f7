"""Every channel in the registry, in every situation, against a stand-in provider on loopback.

A channel without samples in `samples/<name>.py`, or with a situation missing there, fails here.
"""

import asyncio
import dataclasses
import logging
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import pytest

from alertd.ports import ChannelError, Later, Message, Receipt
from channels.registry import CHANNELS
from tests.contract.samples.situations import NOW, REACTION, Case, Sample, Situation, message_to

DEADLINE = 10.0  # seconds for one test's send; every channel has its own, shorter ones


def sample_of(name: str) -> Sample:
    return cast(Sample, import_module(f"tests.contract.samples.{name}").SAMPLE)


SITUATIONS = [
    pytest.param(name, situation, id=f"{name}: {situation.value}")
    for name in CHANNELS
    for situation in Situation
    if situation not in sample_of(name).not_applicable
]


ASKED = {Situation.ACCEPTED, Situation.SERVER_ERROR, Situation.HANGS, Situation.DRIPS, Situation.DROPS_AFTER}
"""Situations that a provider gets into once it has the message."""


@pytest.mark.parametrize("name", CHANNELS)
def test_each_situation_has_a_case_or_a_reason_why_not(name: str) -> None:
    sample = sample_of(name)
    assert sample.name == name
    assert set(sample.cases) | set(sample.not_applicable) == set(Situation)
    assert not set(sample.cases) & set(sample.not_applicable)
    for situation, case in sample.cases.items():
        assert bool(case.because) == (case.reaction not in {None, REACTION[situation]})


@pytest.mark.parametrize(("name", "situation"), SITUATIONS)
async def test_a_channel_returns_a_receipt_or_raises_the_right_error(
    name: str, situation: Situation, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sample, case = sample_of(name), sample_of(name).cases[situation]
    message = message_to(sample.to)
    async with sample.provider() as provider:
        outcome = await one_send(name, sample, case, provider, message, tmp_path)
        asked = sample.keeps_contract(provider)
        assert asked or situation not in ASKED or sample.not_applicable, "what it was asked was looked at"
        if situation is Situation.ACCEPTED:
            assert isinstance(outcome, Receipt), outcome
            sample.check(provider, message, outcome.provider_id)
            assert private_words(caplog.text, sample, message) == []
            return
    wanted = case.reaction or REACTION[situation]
    assert type(outcome) is wanted, outcome
    assert isinstance(outcome, ChannelError)
    assert outcome.code == case.code
    if isinstance(outcome, Later) and case.retry_after is not None:
        assert outcome.retry_after == case.retry_after
    told = [str(outcome), repr(outcome), outcome.code, outcome.detail, *traceback.format_exception(outcome)]
    assert private_words("\n".join([*told, caplog.text]), sample, message) == []


async def one_send(
    name: str, sample: Sample, case: Case, provider: Any, message: Message, folder: Path
) -> Receipt | ChannelError:
    kind = CHANNELS[name]
    settings = sample.settings(provider, folder)
    case.prepare(provider)
    config = kind.config(**(settings | dict(case.settings or {})))
    channel = kind.build(config, lambda: NOW)
    assert channel.name == name
    assert all(secret not in repr(config) for secret in sample.secrets)
    try:
        async with asyncio.timeout(DEADLINE):
            return await channel.send(message)
    except ChannelError as error:
        return error
    finally:
        await channel.close()


def private_words(told: str, sample: Sample, message: Message) -> list[str]:
    """What no error, traceback or log line may hold and this one does: addresses, texts, secrets."""
    private = [message.to, message.to.lstrip("+"), message.title, message.text, *sample.secrets]
    private += [line for line in message.text.splitlines() if len(line) > 5]
    return [word for word in private if word in told]


@pytest.mark.parametrize("name", CHANNELS)
async def test_a_channel_that_nobody_set_up_says_which_settings_mend_it(name: str) -> None:
    kind = CHANNELS[name]
    config = kind.config()
    problems = config.problems()
    assert problems
    assert all("ALERTD_" in problem for problem in problems)
    channel = kind.build(config, lambda: NOW)
    with pytest.raises(ChannelError) as caught:
        await channel.send(message_to(sample_of(name).to))
    assert caught.value.code == "not_configured"
    assert all(problem in caught.value.detail for problem in problems)
    await channel.close()


@pytest.mark.parametrize("name", CHANNELS)
async def test_a_channel_with_all_its_settings_has_no_problems(name: str, tmp_path: Path) -> None:
    sample = sample_of(name)
    async with sample.provider() as provider:
        config = CHANNELS[name].config(**sample.settings(provider, tmp_path))
        assert config.problems() == []


@pytest.mark.parametrize("name", CHANNELS)
def test_a_configuration_never_changes(name: str) -> None:
    config = CHANNELS[name].config()
    field = dataclasses.fields(cast(Any, config))[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(config, field, "other")
