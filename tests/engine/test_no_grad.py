"""no_grad(), record_lines(), debug() and scope(): where they apply, in generators, coroutines and threads, and as decorators."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, cast

import numpy as np
import pytest

from autograd import Value, debug, no_grad, record_lines, scope, scope_stack


def recording() -> bool:
    return (Value(2.0) * 3.0).op is not None


@pytest.fixture(autouse=True)
def nothing_is_left_open() -> Iterator[None]:
    yield
    gc.collect()
    assert not scope_stack.held
    assert scope_stack.current is not scope_stack.current_in_generators, "operations are as fast as before"
    assert recording()


def steps() -> Iterator[bool]:
    with no_grad():
        for _ in range(3):
            yield recording()


# --- generators -----------------------------------------------------------------------------------


def test_a_generator_records_nothing_inside_its_with_block_and_its_caller_does() -> None:
    for inside in steps():
        assert (inside, recording()) == (False, True)


def test_a_suspended_generator_that_is_never_finished_changes_nothing() -> None:
    generator = steps()
    next(generator)
    assert recording()
    del generator
    gc.collect()
    assert not scope_stack.held
    closed, thrown = steps(), steps()
    next(closed)
    closed.close()  # type: ignore[attr-defined]
    next(thrown)
    with pytest.raises(KeyError):
        thrown.throw(KeyError)  # type: ignore[attr-defined]


def test_generators_and_their_callers_nest_in_any_order() -> None:
    generator = steps()
    with no_grad():
        assert not next(generator)  # opened inside a block of the caller, and closed after it
        assert not recording()
    assert recording()
    assert not next(generator)
    with scope("epoch"), record_lines():
        assert not next(generator)  # a scope of the caller, opened later, does not hide that of the generator
        assert recording()
    assert next(generator, None) is None

    def outer() -> Iterator[bool]:
        for inside in steps():
            yield inside or not recording()
            with no_grad():
                yield recording()
            yield not recording()

    assert list(outer()) == [False] * 9

    def delegating() -> Iterator[bool]:
        yield not recording()
        yield from steps()
        yield not recording()

    for wrong in delegating():
        assert (wrong, recording()) == (False, True)
    first, second = steps(), steps()
    for _ in range(3):  # in step with each other
        assert (next(first), recording(), next(second), recording()) == (False, True, False, True)
    first.close()  # type: ignore[attr-defined]
    second.close()  # type: ignore[attr-defined]


def test_settings_of_the_caller_apply_in_a_generator() -> None:
    def lines() -> Iterator[Any]:
        with scope("inner"):
            while True:
                yield (Value(2.0) * 3.0).place

    generator = lines()
    assert str(next(generator)) == "inner"
    with scope("outer"):
        assert str(next(generator)) == "outer.inner"
        assert str((Value(1.0) * 2.0).place) == "outer"
        with record_lines():
            assert "outer.inner at " in str(next(generator))
            with no_grad():
                assert next(generator) is None
    assert str(next(generator)) == "inner"
    generator.close()  # type: ignore[attr-defined]


def test_a_generator_that_records_inside_no_grad() -> None:
    def recorded() -> Iterator[bool]:
        with scope(recording=True):
            while True:
                yield recording()

    generator = recorded()
    with no_grad():
        assert next(generator)
        assert not recording()
    assert next(generator)


def test_a_context_manager_made_of_a_generator_applies_to_its_block() -> None:
    @contextlib.contextmanager
    def frozen() -> Iterator[None]:
        with no_grad():
            yield

    @contextlib.contextmanager
    def through() -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            stack.enter_context(frozen())
            yield from passing()

    def passing() -> Iterator[None]:
        with scope("through"):
            yield

    class Frozen:
        def __enter__(self) -> None:
            self.block = no_grad()
            self.block.__enter__()

        def __exit__(self, *error: object) -> None:
            self.block.__exit__(*error)

    for make in (frozen, through, Frozen):
        with make():
            assert not recording()
        assert recording()

        def batches(make: Callable[[], Any] = make) -> Iterator[bool]:
            with make():
                yield recording()
                yield recording()
            yield not recording()

        for wrong in batches():
            assert (wrong, recording()) == (False, True)

    @frozen()
    def evaluate() -> bool:
        return recording()

    assert not evaluate()


def test_exit_stacks_in_generators() -> None:
    def batches() -> Iterator[bool]:
        with contextlib.ExitStack() as stack:
            stack.enter_context(no_grad())
            yield recording()
            stack.close()
            yield not recording()

    for wrong in batches():
        assert (wrong, recording()) == (False, True)


@pytest.fixture
def without_gradients() -> Iterator[None]:
    with no_grad():
        yield


def test_a_scope_in_a_fixture_applies_to_the_test(without_gradients: None) -> None:
    assert not recording()


def test_one_block_object_in_several_generators_and_threads() -> None:
    block = no_grad()

    def batches() -> Iterator[bool]:
        with block:
            while True:
                yield recording()

    first, second = batches(), batches()
    assert not (next(first) or next(second) or next(first))
    with block:
        assert not recording()
        assert not next(first)
    assert recording()
    first.close()  # type: ignore[attr-defined]
    second.close()  # type: ignore[attr-defined]
    barrier, seen = threading.Barrier(2), []

    def work() -> None:
        with block:
            barrier.wait()
            seen.append(recording())
            barrier.wait()
        seen.append(not recording())

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [False] * 4


def test_a_generator_is_resumed_in_another_thread() -> None:
    generator, seen = steps(), []
    assert not next(generator)
    thread = threading.Thread(target=lambda: seen.extend([next(generator), recording()]))
    thread.start()
    thread.join()
    assert seen == [False, True]
    generator.close()  # type: ignore[attr-defined]


# --- coroutines -----------------------------------------------------------------------------------


def test_coroutines_and_asynchronous_generators() -> None:
    async def batches() -> AsyncIterator[bool]:
        with no_grad():
            for _ in range(2):
                await asyncio.sleep(0)
                yield recording()

    async def frozen() -> bool:
        with no_grad():
            await asyncio.sleep(0.01)
            return any(await asyncio.gather(task(), task()))

    async def task() -> bool:
        return recording()

    async def recorded() -> bool:
        await asyncio.sleep(0.005)
        return recording()

    async def main() -> None:
        async for inside in batches():
            assert (inside, recording()) == (False, True)
        assert await asyncio.gather(frozen(), recorded()) == [False, True]

        @contextlib.asynccontextmanager
        async def block() -> AsyncIterator[None]:
            with no_grad():
                yield

        async with block():
            assert not recording()
        assert recording()

    asyncio.run(main())


# --- decorators -----------------------------------------------------------------------------------


@pytest.mark.parametrize("decorate", [no_grad, no_grad()])
def test_no_grad_decorates_with_and_without_brackets(decorate: Callable[[Any], Any]) -> None:
    class Model:
        @decorate
        def method(self, x: float) -> tuple[bool, float]:
            """Its docstring."""
            return recording(), x

        @classmethod
        @decorate
        def inner(cls) -> bool:
            return recording()

        @decorate
        @classmethod
        def outer(cls) -> bool:
            return recording()

        @decorate
        @staticmethod
        def static() -> bool:
            return recording()

        @property
        @decorate
        def attribute(self) -> bool:
            return recording()

    model = Model()
    assert (model.method(2.0), Model.inner(), Model.outer(), model.static(), model.attribute) == ((False, 2.0), *[False] * 4)
    assert (Model.method.__doc__, Model.method.__name__) == ("Its docstring.", "method")
    assert not decorate(lambda: recording())()
    assert not decorate(functools.partial(recording))()

    @decorate
    def recursive(depth: int) -> bool:
        return recursive(depth - 1) if depth else recording()

    assert not recursive(3)

    @decorate
    def failing() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert recording()


@pytest.mark.parametrize("decorate", [no_grad, no_grad()])
def test_a_decorated_generator_records_nothing_at_any_step(decorate: Callable[[Any], Any]) -> None:
    @decorate
    def batches() -> Any:
        sent = yield recording()
        try:
            yield sent, recording()
        except KeyError:
            yield "thrown", recording()
        return "done", recording()

    generator = batches()
    assert (next(generator), recording()) == (False, True)
    assert (generator.send(5), recording()) == ((5, False), True)
    assert (generator.throw(KeyError), recording()) == (("thrown", False), True)
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == ("done", False)

    @decorate
    async def coroutine() -> bool:
        await asyncio.sleep(0)
        return recording()

    closed = []

    @decorate
    async def batches_async() -> Any:
        try:
            sent = yield recording()
            await asyncio.sleep(0)
            try:
                yield sent, recording()
            except KeyError:
                yield "thrown", recording()
            yield recording()
        finally:
            closed.append(recording())

    async def main() -> None:
        assert not await coroutine()
        generator = batches_async()
        assert (await anext(generator), recording()) == (False, True)
        assert (await generator.asend(5), recording()) == ((5, False), True)
        assert (await generator.athrow(KeyError), recording()) == (("thrown", False), True)
        await generator.aclose()
        assert closed == [False]
        assert [item async for item in batches_async()] == [False, (None, False), False]

    asyncio.run(main())


def test_other_scopes_decorate_as_well() -> None:
    def place() -> str:
        return str((Value(2.0) * 3.0).place)

    assert scope("named")(place)() == "named"
    for decorate in (record_lines, record_lines(), debug, debug()):
        assert "test_no_grad.py:" in decorate(place)()

    @scope("step")
    def steps_of() -> Iterator[str]:
        yield place()
        yield place()

    for inside in steps_of():
        assert (inside, place()) == ("step", "None")


def test_objects_that_cannot_be_decorated_or_entered_are_named() -> None:
    with pytest.raises(TypeError, match=r"write `with no_grad\(\):`"), no_grad:
        pass
    with pytest.raises(TypeError, match=r"write `with record_lines\(\):`"), record_lines:
        pass
    for decorate in (no_grad, no_grad(), debug, scope("name")):
        with pytest.raises(TypeError, match="decorates functions and methods, but got <class.*decorate its methods"):
            decorate(type("Model", (), {}))
        with pytest.raises(TypeError, match="decorates functions and methods, but got 5"):
            decorate(5)
    with pytest.raises(TypeError, match=r"decorate with @scope\('name'\)"):
        scope(recording)


def test_values_are_written_into_plain_arrays_if_no_gradient_is_lost() -> None:
    """None is lost under no_grad(), or from Values that are frozen or computed from frozen Values only."""
    frozen, leaf = Value([1.0, 2.0], requires_grad=False) * 3.0, cast(Any, Value([3.0, 6.0]))

    def written(v: Any) -> list[Any]:
        out, sums, chosen, full = np.ones(2), np.zeros(2), np.zeros(2), np.full_like(np.ones(2), v[0])
        out += v
        out[:1] *= v[1:]
        np.add.at(sums, [0, 0], v)
        np.put(chosen, [1], v[0])
        return [out, sums, chosen, full, np.matmul(np.eye(2), v, out=np.zeros(2)), float(v[0]), np.asarray(v)]

    expected = [[24.0, 7.0], [9.0, 0.0], [0.0, 3.0], [3.0, 3.0], [3.0, 6.0], 3.0, [3.0, 6.0]]
    for found, right in zip(written(frozen), expected, strict=True):
        assert not isinstance(found, Value)
        np.testing.assert_array_equal(found, right)
    with no_grad():
        for found, right in zip(written(leaf), expected, strict=True):
            np.testing.assert_array_equal(found, right)
    with pytest.raises(TypeError, match="would silently drop the gradient|cannot write the result|changes its array"):
        written(leaf)
    with no_grad(), pytest.raises(TypeError, match="changes its array"):
        np.put(leaf, [0], 1.0)
