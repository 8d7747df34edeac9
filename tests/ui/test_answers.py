"""Slow and broken places: nobody waits long, nobody is asked twice, an old answer is better than none."""

from __future__ import annotations

import asyncio
import threading

from billing_aggregator.ui.answers import FRESH_SECONDS, RETRY_SECONDS, Answer, Answers
from tests.waiting import PATIENCE_SECONDS, wait_for


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def ask(answers: Answers, function: object, patience: float = PATIENCE_SECONDS) -> Answer[int]:
    return asyncio.run(answers.one("place", function, patience))  # type: ignore[arg-type]  # any callable


def test_an_answer_is_kept_for_a_minute() -> None:
    clock, asked = Clock(), []
    answers = Answers(clock=clock)

    def count() -> int:
        asked.append(1)
        return len(asked)

    assert ask(answers, count).value == 1
    clock.now += FRESH_SECONDS - 1
    assert ask(answers, count).value == 1
    clock.now += 1
    assert ask(answers, count).value == 2


def test_a_slow_place_is_pending_and_asked_once() -> None:
    answers, gate, asked = Answers(), threading.Event(), []

    def slow() -> int:
        asked.append(1)
        gate.wait(PATIENCE_SECONDS)
        return 7

    assert ask(answers, slow, 0.05).state == "slow"
    assert ask(answers, slow, 0.05).state == "slow"
    gate.set()
    wait_for(lambda: ask(answers, slow).value == 7, "the slow answer has come")
    assert len(asked) == 1


def test_a_broken_place_says_why_and_is_left_alone_for_a_while() -> None:
    clock, asked = Clock(), []
    answers = Answers(clock=clock)

    def broken() -> int:
        asked.append(1)
        raise OSError("connection refused by password=hunter2secret at the warehouse")

    answer = ask(answers, broken)
    assert answer.state == "broken"
    assert "hunter2secret" not in str(answer.error)
    ask(answers, broken)
    assert len(asked) == 1
    clock.now += RETRY_SECONDS
    ask(answers, broken)
    assert len(asked) == 2


def test_an_old_answer_stays_when_the_place_is_away() -> None:
    clock = Clock()
    answers = Answers(clock=clock)
    ask(answers, lambda: 1)
    clock.now += FRESH_SECONDS

    def broken() -> int:
        raise OSError("the warehouse does not answer")

    answer = ask(answers, broken)
    assert (answer.value, answer.state) == (1, "old")
    assert answer.age >= FRESH_SECONDS
