"""What the hard cases' tests must notice: each change takes a behaviour away, and the named test must fail on it."""

from __future__ import annotations

from typing import NamedTuple

GATEWAY, TOGETHER, ALONE = "gateway/test_faults.py", "hard_cases/test_together.py", "hard_cases/test_worker_alone.py"
BODY, PURE, ABUSE = "gateway/test_body.py", "gateway/test_pure.py", "gateway/test_abuse.py"


class Mutation(NamedTuple):
    """A change to the source.

    Attributes:
        case: The hard case.
        file: Below `src/seekforge`.
        old: Stands there once.
        new: Stands there instead.
        test: Below `tests/serve`; must fail then.
    """

    case: str
    file: str
    old: str
    new: str
    test: str


MUTATIONS = (
    Mutation(
        "7",
        "serve/gateway/stream.py",
        'self._failure = UpstreamError("lost", "the upstream\'s stream ended without an end")',
        "pass",
        f"{GATEWAY}::test_what_breaks_after_it_is_an_event_and_no_done[close]",
    ),
    Mutation(
        "7",
        "serve/gateway/relay.py",
        "if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):",
        "if not isinstance(items, list):",
        f"{GATEWAY}::test_half_an_answer_is_none",
    ),
    Mutation(
        "7",
        "serve/gateway/answer.py",
        'raise ApiError(503, error.message, code="upstream_unavailable") from error',
        "await sink.write(_END)",
        f"{TOGETHER}::test_case_7_a_worker_that_is_killed_is_an_error_and_never_an_empty_200[True]",
    ),
    Mutation(
        "7",
        "serve/service.py",
        "        if not seen or seen[-1].finish_reason is None:\n            raise _cut_off()\n",
        "",
        "test_worker.py::test_an_engine_that_ends_without_a_reason_is_503_or_an_event",
    ),
    Mutation(
        "8",
        "serve/gateway/stream.py",
        "            except ValueError:\n                tree = None",
        '            except ValueError as error:\n                raise UpstreamError("malformed", "x") from error',
        "gateway/test_proxy.py::test_a_malformed_event_is_passed_over_and_the_stream_lives",
    ),
    Mutation(
        "8",
        "serve/strict.py",
        "except RecursionError as error:\n        raise ValueError",
        "except ZeroDivisionError as error:\n        raise ValueError",
        f"{ABUSE}::test_an_event_that_is_nested_too_deep_is_passed_over",
    ),
    Mutation(
        "11",
        "serve/gateway/middleware/deadline.py",
        "        self._task.cancel()\n",
        "",
        f"{GATEWAY}::test_a_client_that_leaves_takes_the_upstreams_work_with_it",
    ),
    Mutation(
        "11",
        "serve/gateway/upstream.py",
        "            if response is not None:\n                response.close()\n",
        "",
        f"{TOGETHER}::test_case_11_a_client_that_leaves_frees_the_worker_within_a_second",
    ),
    Mutation(
        "11",
        "serve/streaming.py",
        "await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)",
        "await asyncio.wait({task})",
        f"{TOGETHER}::test_case_11_a_client_that_leaves_frees_the_worker_within_a_second",
    ),
    Mutation(
        "11",
        "serve/body.py",
        "(size == announced and not to_the_end)",
        "size == announced",
        f"{ALONE}::test_streams_are_whole_however_the_body_came",
    ),
    Mutation(
        "12",
        "serve/gateway/wire.py",
        "async with asyncio.timeout(self._seconds):",
        "async with asyncio.timeout(None):",
        f"{GATEWAY}::test_a_client_that_stops_reading_ends_its_request_and_costs_little",
    ),
    Mutation(
        "12",
        "serve/streaming.py",
        "self._expired = self.clock() - self.since > self._seconds",
        "self._expired = False",
        "test_lifecycle.py::test_a_client_that_stops_reading_loses_its_place",
    ),
    Mutation(
        "13",
        "serve/body.py",
        "async with asyncio.timeout(seconds):",
        "async with asyncio.timeout(None):",
        f"{ALONE}::test_case_13_bodies_that_drip_are_closed_at_the_deadline",
    ),
    Mutation(
        "13",
        "serve/body.py",
        "async with asyncio.timeout(seconds):",
        "async with asyncio.timeout(None):",
        f"{BODY}::test_a_body_that_drips_is_408",
    ),
    Mutation(
        "13",
        "serve/main.py",
        "_CONNECTIONS = 4096",
        "_CONNECTIONS = 100",
        f"{ALONE}::test_case_13_bodies_that_drip_hold_no_place",
    ),
    Mutation(
        "13",
        "serve/gateway/server.py",
        "HTTP1Settings(header_read_timeout=int(limits.header_seconds * 1000))",
        "HTTP1Settings()",
        f"{BODY}::test_a_head_that_drips_is_closed",
    ),
    Mutation(
        "14",
        "serve/gateway/choose.py",
        "free = [state for state in states if state.limited_until <= now]",
        "free = list(states)",
        f"{GATEWAY}::test_429_from_everybody_is_429_if_it_is_long",
    ),
    Mutation(
        "14",
        "serve/gateway/choose.py",
        "wait = asked + min(1.0, asked / 4) * chance",
        "wait = 0.0",
        f"{GATEWAY}::test_429_from_everybody_is_waited_out_if_it_is_short",
    ),
    Mutation(
        "14",
        "serve/gateway/choose.py",
        "wait = asked + min(1.0, asked / 4) * chance",
        "wait = asked",
        f"{PURE}::test_waits_are_spread_so_that_not_all_come_back_at_once",
    ),
    Mutation(
        "14",
        "serve/gateway/choose.py",
        "if self._saved < 1:",
        "if False:",
        f"{GATEWAY}::test_retries_have_a_budget",
    ),
    Mutation(
        "14",
        "serve/intake.py",
        "if present < self.limits.running + self.limits.waiting:",
        "if True:",
        f"{TOGETHER}::test_case_14_a_full_worker_is_429_with_the_time_to_come_again",
    ),
    Mutation(
        "15",
        "serve/body.py",
        "if announced is not None and announced > largest:",
        "if False:",
        f"{BODY}::test_too_large_is_413_before_it_is_sent",
    ),
    Mutation(
        "15",
        "serve/body.py",
        "if announced is not None and announced > largest:",
        "if False:",
        f"{ALONE}::test_case_15_too_large_is_413_before_it_is_sent",
    ),
    Mutation(
        "15",
        "serve/body.py",
        "if size > largest:",
        "if False:",
        f"{BODY}::test_too_large_in_chunks_is_413_before_it_is_whole",
    ),
    Mutation(
        "15",
        "serve/gateway/middleware/body.py",
        "data = inflater.decompress(body, largest + 1)",
        "data = inflater.decompress(body)[:largest]",
        f"{BODY}::test_compressed_bodies_are_inflated_and_no_further_than_allowed",
    ),
    Mutation(
        "16",
        "serve/strict.py",
        "parse_constant=_no_constant",
        "parse_constant=float",
        f"{PURE}::test_what_two_parsers_could_read_differently_is_refused",
    ),
    Mutation(
        "16",
        "serve/strict.py",
        "parse_float=_finite",
        "parse_float=float",
        f"{PURE}::test_what_two_parsers_could_read_differently_is_refused",
    ),
    Mutation(
        "17",
        "serve/strict.py",
        'except RecursionError as error:\n        raise _refusal("the body is nested too deep") from error',
        "except ZeroDivisionError:\n        raise",
        f"{BODY}::test_what_is_no_request_is_400_in_openais_shape_and_stays_here",
    ),
    Mutation(
        "17",
        "serve/gateway/schemas.py",
        "        if id(node) in path:\n            return True\n",
        "        if id(node) in path:\n            continue\n",
        f"{BODY}::test_what_is_no_request_is_400_in_openais_shape_and_stays_here",
    ),
    Mutation(
        "17",
        "serve/strict.py",
        'except RecursionError as error:\n        raise _refusal("the body is nested too deep") from error',
        "except ZeroDivisionError:\n        raise",
        f"{ALONE}::test_case_17_json_too_deep_is_400",
    ),
    Mutation(
        "18",
        "serve/strict.py",
        "if len(tree) != len(pairs):",
        "if False:",
        f"{ALONE}::test_case_18_what_two_parsers_could_read_differently_is_400",
    ),
    Mutation(
        "18",
        "serve/strict.py",
        'if "\\x00" in text:',
        "if False:",
        f"{BODY}::test_what_is_no_request_is_400_in_openais_shape_and_stays_here",
    ),
    Mutation(
        "18",
        "serve/strict.py",
        'raise _refusal("a text holds half of a surrogate pair") from error',
        "pass",
        f"{BODY}::test_what_is_no_request_is_400_in_openais_shape_and_stays_here",
    ),
    Mutation(
        "18",
        "serve/face.py",
        "tree = parse(await request.body())",
        "tree = __import__('json').loads(await request.body())",
        f"{ALONE}::test_case_18_what_two_parsers_could_read_differently_is_400",
    ),
    Mutation(
        "19",
        "engines/detokenise.py",
        "return self._release(0 if self.stopped else self._could_be_stop())",
        "return self._release(0)",
        f"{TOGETHER}::test_case_19_a_stop_text_over_many_tokens_is_neither_leaked_nor_missed",
    ),
    Mutation(
        "20",
        "serve/gateway/guard/stream.py",
        "        found, live = matcher.scan(folded, start, final=final)\n        if found:",
        "        found, live = matcher.scan(folded, start, final=True)\n        live = len(folded)\n        if found:",
        f"{TOGETHER}::test_case_20_a_listed_word_is_blocked_before_a_byte_of_it_is_sent",
    ),
    Mutation(
        "20",
        "core/words/fold.py",
        'decorates or char in _IGNORABLE or unicodedata.category(char) in {"Cc", "Cf", "Me"}',
        'decorates or char in _IGNORABLE or unicodedata.category(char) in {"Cc", "Me"}',
        f"{TOGETHER}::test_case_20_a_listed_word_is_blocked_before_a_byte_of_it_is_sent",
    ),
    Mutation(
        "20",
        "core/words/fold.py",
        'unicodedata.normalize("NFKD", form)',
        'unicodedata.normalize("NFD", form)',
        "gateway/guard/test_stream.py::test_random_splits_of_words_in_every_form",
    ),
    Mutation(
        "20",
        "core/words/fold.py",
        "        form = form.translate(_simplified())\n",
        "",
        "gateway/guard/test_stream.py::test_random_splits_of_words_in_every_form",
    ),
    Mutation(
        "20",
        "serve/gateway/guard/guard.py",
        'self._audit.write(Event(request_id, user, "output", source, f"line {line}", action))',
        "pass",
        f"{TOGETHER}::test_case_20_a_listed_word_is_blocked_before_a_byte_of_it_is_sent",
    ),
    Mutation(
        "20",
        "serve/gateway/answer.py",
        "while not outgoing.stopped and (events",
        "while (events",
        "gateway/test_guard.py::test_a_word_across_events_stops_the_stream_and_cuts_the_upstream",
    ),
    Mutation(
        "SIGTERM",
        "serve/lifecycle.py",
        "await _first_of(service.intake.drained(drain_seconds), second.wait())",
        "pass",
        f"{TOGETHER}::test_sigterm_under_load_ends_no_answer[worker]",
    ),
    Mutation(
        "SIGTERM",
        "serve/gateway/server.py",
        "await asyncio.wait({serving, hurrying}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)",
        "pass",
        f"{TOGETHER}::test_sigterm_under_load_ends_no_answer[gateway]",
    ),
)
