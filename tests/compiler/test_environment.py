"""A replay notices what changed in Python's state between calls, and the function is recorded anew."""

import operator
import os
import warnings
import weakref
from array import array
from collections import ChainMap, UserDict
from functools import lru_cache, partial
from types import MappingProxyType, ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import nn
from autograd import Value, gradient
from autograd.compiler import compiled as compiled_module
from autograd.compiler.compiled import Compiled, compile

X = np.arange(6.0).reshape(2, 3) / 3
factor = 2.0
table = {"a": 1.0}
weights = np.ones(3)


@pytest.fixture
def recordings(monkeypatch):
    """Return a function that counts the recordings so far."""
    count = []
    record = Compiled.record

    def counted(*args):
        count.append(args[0])
        return record(*args)

    monkeypatch.setattr(Compiled, "record", counted)
    return lambda: len(count)


def numbers_of(result):
    return np.array(result.data if isinstance(result, Value) else result)


def check(function, recordings, changes, x=X):
    """Call the compiled function before and after each change, and compare with the function; a change costs two recordings."""
    fast = function if isinstance(function, Compiled) else compile(function)
    plain = fast.function
    expected = 2
    for change in [lambda: None, *changes]:
        change()
        for scale in (1.0, 2.0, -1.5, 3.0):
            np.testing.assert_allclose(numbers_of(fast(x * scale)), numbers_of(plain(x * scale)), rtol=1e-12)
        assert recordings() == expected
        expected += 2


class TestPlainState:
    def test_global_number(self, recordings, monkeypatch):
        check(lambda x: x * factor, recordings, [lambda: monkeypatch.setitem(globals(), "factor", 3.0)])

    def test_closure_number(self, recordings):
        beta = 2.0

        def set_beta():
            nonlocal beta
            beta = 0.5

        check(lambda x: x * beta, recordings, [set_beta])

    def test_type_of_a_number(self):
        exponent = 2
        f = compile(lambda x: x**exponent)
        for _ in range(3):
            assert f(np.array([2, 3])).dtype == int
        exponent = 2.0
        assert f(np.array([2, 3])).dtype == float

    def test_nan_and_equal_numbers_do_not_record_anew(self, recordings):
        a, b = float("nan"), 1000.5
        f = compile(lambda x: x + b if a != a else x)
        for _ in range(6):
            f(X)
            a, b = float("nan"), float("1000.5")
        assert recordings() == 2

    def test_default_argument(self, recordings):
        def f(x, scale=2.0, *, shift=1.0):
            return x * scale + shift

        def defaults():
            f.__defaults__ = (3.0,)

        def keywords():
            f.__kwdefaults__ = {"shift": 2.0}

        check(f, recordings, [defaults, keywords])

    def test_lists_dicts_and_tuples(self, recordings):
        settings = {"scale": 2.0, "more": [1.0, (2.0, {"deep": 3.0})]}

        def f(x):
            return x * settings["scale"] + sum(settings["more"][:1]) + settings["more"][1][1]["deep"] + len(settings)

        changes = [
            lambda: settings.update(scale=4.0),
            lambda: settings["more"].__setitem__(0, 7.0),
            lambda: settings["more"][1][1].update(deep=1.5),
            lambda: settings.update(extra=1),
        ]
        check(f, recordings, changes)

    def test_an_equal_list_in_place_of_another(self, recordings):
        settings = {"sizes": [1.0, 2.0], "name": "a"}
        f = compile(lambda x: x * settings["sizes"][1])
        for _ in range(5):
            settings["sizes"] = [1.0, 2.0]
            np.testing.assert_array_equal(f(X), X * 2)
        assert recordings() == 2
        settings["sizes"] = [1.0, 3.0]
        np.testing.assert_array_equal(f(X), X * 3)
        settings["sizes"][1] = 4.0
        np.testing.assert_array_equal(f(X), X * 4)

    def test_long_list(self, recordings):
        numbers = [1.0] * 2000
        check(lambda x: x * sum(numbers), recordings, [lambda: numbers.__setitem__(1500, 5.0), lambda: numbers.append(1.0)])

    def test_huge_containers_are_searched_in_a_moment(self, recordings):
        rows, lookup = list(range(300_000)), {i: [i] for i in range(100_000)}
        f = compile(lambda x: x * (rows[3] + lookup[2][0]))
        for _ in range(4):
            np.testing.assert_array_equal(f(X), X * 5)
        assert recordings() == 2
        rows.append(1)
        f(X)
        assert recordings() == 3

    def test_set(self, recordings):
        chosen = {1.0, 2.0}
        check(lambda x: x * sum(chosen), recordings, [lambda: chosen.add(3.0)])

    def test_cycles(self, recordings):
        node = {"scale": 2.0}
        node["self"] = node
        rows = [node]
        rows.append(rows)
        check(lambda x: x * rows[0]["self"]["scale"], recordings, [lambda: node.update(scale=3.0)])

    def test_module_of_the_user(self, recordings):
        config = ModuleType("config")
        config.beta, config.unused = 2.0, 1
        check(lambda x: x * config.beta, recordings, [lambda: setattr(config, "beta", 3.0)])
        config.unused = 2
        assert recordings() == 4

    def test_namespace_and_class_attributes(self, recordings):
        options = SimpleNamespace(scale=2.0)

        class Config:
            shift = 1.0

        f = compile(lambda x: x * options.scale + Config.shift)
        check(f, recordings, [lambda: setattr(options, "scale", 3.0), lambda: setattr(Config, "shift", 5.0)])

    def test_attribute_by_name(self, recordings):
        options = SimpleNamespace(a=2.0, b=3.0)
        name = "a"

        def change():
            nonlocal name
            name = "b"

        f = compile(lambda x: x * getattr(options, name) + getattr(options, "shift", 0.0))
        check(f, recordings, [lambda: setattr(options, "a", 4.0), change, lambda: setattr(options, "shift", 1.0)])

    def test_unrelated_global_of_the_name_of_an_attribute(self, recordings, monkeypatch):
        monkeypatch.setitem(globals(), "sum", 1)
        f = compile(lambda x: x.sum())
        for number in range(6):
            monkeypatch.setitem(globals(), "sum", number)
            f(X)
        assert recordings() == 2


class TestArrays:
    def test_contents_are_read_by_each_replay(self, recordings):
        array = np.ones(3)
        f = compile(lambda x: x * array)
        for number in range(5):
            array[:] = number
            np.testing.assert_array_equal(f(X), X * number)
        assert recordings() == 2

    def test_replaced(self, recordings):
        array = np.ones(3)

        def change():
            nonlocal array
            array = np.full(3, 5.0)

        check(lambda x: x * array, recordings, [change])

    def test_contents_that_python_computes_with(self, recordings):
        array = np.ones(3)
        check(lambda x: x * (array + 1), recordings, [lambda: array.fill(4.0), lambda: array.__setitem__(1, 9.0)])


class TestFunctions:
    def test_helper_function_redefined(self, recordings, monkeypatch):
        space = {}
        exec("def helper(x): return x * 2.0\ndef f(x): return helper(x) + 1.0\n", space)

        def change():
            exec("def helper(x): return x * 3.0\n", space)

        check(space["f"], recordings, [change])

    def test_state_of_helper_functions(self, recordings):
        scale = {"a": 2.0}

        def inner(x, power=2):
            return (x * scale["a"]) ** power

        def outer(x):
            return inner(x) + inner(x, 3) if len(scale) else outer(x)  # refers to itself

        def change():
            inner.__defaults__ = (1,)

        check(lambda x: outer(x), recordings, [lambda: scale.update(a=3.0), change])

    def test_code_replaced(self, recordings):
        def helper(x):
            return x * 2.0

        def other(x):
            return x * 5.0

        def change():
            helper.__code__ = other.__code__

        check(lambda x: helper(x), recordings, [change])

    def test_partial(self, recordings):
        scale = [2.0]

        def f(weights, x):
            return x * weights[0]

        check(partial(f, scale), recordings, [lambda: scale.__setitem__(0, 3.0)])

    def test_import_in_the_function(self, recordings, monkeypatch):
        import sys

        module = ModuleType("settings_of_a_test")
        module.beta = 2.0
        monkeypatch.setitem(sys.modules, module.__name__, module)

        def f(x):
            from settings_of_a_test import beta

            return x * beta

        check(f, recordings, [lambda: setattr(module, "beta", 3.0)])


class Scaled:
    shift = 0.0

    def __init__(self):
        self.scale, self.history = 2.0, []

    def compute(self, x):
        return self.helper(x) + self.shift

    def helper(self, x):
        return x * self.scale

    @compile
    def decorated(self, x):
        return self.helper(x) + self.shift


class Slotted:
    __slots__ = ("scale", "unused")

    def __init__(self):
        self.scale, self.unused = 2.0, 0

    def __call__(self, x):
        return x * self.scale


class TestObjects:
    def test_attributes_of_the_object_of_a_method(self, recordings):
        item = Scaled()
        changes = [
            lambda: setattr(item, "scale", 3.0),
            lambda: setattr(item, "shift", 1.0),
            lambda: setattr(item, "helper", lambda x: x - 1.0),
        ]
        check(item.compute, recordings, changes)

    def test_attribute_that_the_code_does_not_name(self, recordings):
        item = Scaled()
        f = compile(item.compute)
        for number in range(5):
            f(X)
            item.history.append(number)
            item.other = number
        assert recordings() == 2

    def test_decorated_method(self, recordings):
        one, two = Scaled(), Scaled()
        two.scale = 7.0
        for _ in range(4):
            np.testing.assert_array_equal(one.decorated(X), X * 2)
            np.testing.assert_array_equal(two.decorated(X), X * 7)
        one.scale = 4.0
        np.testing.assert_array_equal(one.decorated(X), X * 4)
        np.testing.assert_array_equal(two.decorated(X), X * 7)
        assert recordings() == 5

    def test_method_replaced_in_the_class(self, recordings, monkeypatch):
        item = Scaled()
        check(item.compute, recordings, [lambda: monkeypatch.setattr(Scaled, "helper", lambda self, x: x * 9.0)])

    def test_slots(self, recordings):
        item = Slotted()
        check(item, recordings, [lambda: setattr(item, "scale", 3.0)])
        item.unused = 5
        item(X)
        assert recordings() == 4

    def test_property(self, recordings):
        class Item:
            hidden = 2.0

            @property
            def scale(self):
                return self.hidden + 1.0

        item = Item()
        check(lambda x: x * item.scale, recordings, [lambda: setattr(item, "hidden", 3.0)])

    @pytest.mark.parametrize(
        ("item", "read", "key"),
        [
            (pd.DataFrame({"a": [1.0, 2.0]}), lambda frame: frame["a"].sum(), "a"),
            (pd.Series([1.0, 2.0]), lambda series: series.sum(), 0),
            (array("d", [1.0, 2.0]), lambda items: items[0], 0),
            (bytearray(b"ab"), lambda items: items[0], 0),
            (UserDict(a=1.0), lambda items: items["a"], "a"),
            (ChainMap({"a": 1.0}), lambda items: items["a"], "a"),
        ],
        ids=lambda item: type(item).__name__,
    )
    def test_containers_of_libraries(self, recordings, item, read, key):
        check(lambda x: x * read(item), recordings, [lambda: item.__setitem__(key, 7)])

    def test_weak_references_and_attributes_by_functions(self, recordings):
        item = Scaled()
        weak, table = weakref.ref(item), weakref.WeakValueDictionary(item=item)
        get = operator.attrgetter("scale")
        change = [lambda: setattr(item, "scale", 3.0)]
        check(lambda x: x * weak().scale + table["item"].scale + get(item), recordings, change)

    def test_attribute_of_a_metaclass(self, recordings):
        class Meta(type):
            scale = 2.0

        class Item(metaclass=Meta):
            pass

        check(lambda x: x * Item.scale, recordings, [lambda: setattr(Meta, "scale", 3.0)])

    def test_text_that_is_evaluated_is_refused(self):
        f = compile(lambda x: x * eval("factor"))
        with pytest.warns(UserWarning, match=r"<lambda>\(\) calls eval\(\), which may read anything"):
            for _ in range(4):
                np.testing.assert_array_equal(f(X), X * factor)

    def test_dict_and_memory_behind_a_view(self, recordings):
        items, numbers = {"a": 1.0}, np.ones(3)
        proxy, memory = MappingProxyType(items), memoryview(numbers)
        changes = [lambda: items.__setitem__("a", 7.0), lambda: numbers.__setitem__(0, 3.0)]
        check(lambda x: x * proxy["a"] * memory[0], recordings, changes)

    def test_table_that_is_too_large_to_compare(self):
        frame = pd.DataFrame({"a": np.ones(100_000)})
        f = compile(lambda x: x * frame["a"].sum())
        with pytest.warns(UserWarning, match="it reads frame, whose contents are too large to compare"):
            for _ in range(4):
                f(X)
        frame.loc[0, "a"] = 2.0
        np.testing.assert_array_equal(f(X), X * 100_001)


def network():
    return nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh(), nn.Linear(4, 2, rng=1))


class TestModules:
    def test_layer_replaced_or_added(self, recordings):
        model = network()
        changes = [
            lambda: model.layers.__setitem__(0, nn.Linear(3, 4, rng=5)),
            lambda: model.append(nn.Tanh()),
            lambda: setattr(model.layers[2], "weight", Value(np.ones((2, 4)))),
            lambda: setattr(model, "layers", [model.layers[0]]),
        ]
        check(lambda x: model(x), recordings, changes)

    def test_the_same_parameters_in_place_of_an_equal_one(self, recordings):
        scale = [Value(2.0)]
        f = compile(lambda x: (x * scale[0]).sum())
        for _ in range(3):
            f(X)
        scale[0] = Value(2.0)
        f(X).backward()
        assert scale[0].grad == pytest.approx(X.sum())

    def test_data_of_parameters_is_read_by_each_replay(self, recordings):
        model = network()
        f = compile(lambda x: model(x))
        for _ in range(5):
            for parameter in model.parameters():
                parameter.data = parameter.data * 0.9
            np.testing.assert_allclose(f(X).data, model(X).data)
        assert recordings() == 2

    def test_training_and_evaluation_by_turns(self, recordings):
        class Noisy(nn.Module):
            def __init__(self):
                self.scale = Value(2.0)

            def forward(self, x):
                return x * self.scale * (3.0 if self.training else 1.0)

        model = nn.Sequential(Noisy())
        f = compile(lambda x: model(x))
        for mode in (True, False) * 4:
            model.train(mode)
            for _ in range(3):
                np.testing.assert_array_equal(f(X).data, X * (6.0 if mode else 2.0))
        assert recordings() == 4

    def test_setting_of_a_layer(self, recordings):
        model = nn.Sequential(nn.LeakyReLU(0.1), nn.Softmax())
        name = next(iter(vars(model[0])))
        check(lambda x: model(x - 1.0), recordings, [lambda: setattr(model[0], name, 0.3)])

    def test_module_as_an_argument(self, recordings):
        one, two = network(), network()
        two.layers[0].weight.data *= 2.0
        f = compile(lambda model, x: model(x))
        for _ in range(3):
            np.testing.assert_allclose(f(one, X).data, one(X).data)
            np.testing.assert_allclose(f(two, X).data, two(X).data)
        one.layers.pop()
        np.testing.assert_allclose(f(one, X).data, one(X).data)
        assert recordings() == 5

    def test_requires_grad_switched(self, recordings):
        model = network()
        f = compile(lambda x: model(x).sum())
        for _ in range(3):
            f(X).backward()
        model.zero_grad()
        model[0].freeze()
        for _ in range(3):
            f(X).backward()
            assert not np.any(model[0].weight.grad) and np.any(model[2].weight.grad)
        model[0].unfreeze()
        f(X).backward()
        assert np.any(model[0].weight.grad)
        assert recordings() == 4

    def test_hook_registered(self):
        def run(wrap):
            w = Value(np.ones(3))

            def step(x):
                w.grad = None
                loss = (x * w).sum()
                loss.backward()
                return loss

            f = wrap(step)
            found = []
            for number in range(8):
                if number == 4:
                    handle = w.register_hook(lambda g: g * 10.0)
                if number == 6:
                    handle.remove()
                f(X)
                found.append(w.grad.copy())
            return found

        np.testing.assert_array_equal(run(compile), run(lambda f: f))

    def test_hook_on_a_target_of_a_replay(self):
        w = Value(np.ones(3))
        f = compile(lambda x: (x * w).sum())
        for _ in range(3):
            f(X).backward()
        w.grad = None
        w.register_hook(lambda g: g * 10.0)
        f(X).backward()
        np.testing.assert_array_equal(w.grad, 10 * X.sum(0))


class TestOddPlaces:
    """State in places that are easily missed."""

    def test_dict_or_class_of_an_object_replaced(self, recordings):
        class Other:
            def __call__(self, x):
                return x * self.scale - 1.0

        class Item:
            def __init__(self):
                self.scale = 2.0

            def __call__(self, x):
                return x * self.scale

        item = Item()
        changes = [lambda: setattr(item, "__dict__", {"scale": 5.0}), lambda: setattr(item, "__class__", Other)]
        check(lambda x: item(x), recordings, changes)

    def test_attributes_from_getattr(self, recordings):
        class Item:
            def __init__(self):
                self.items = {"scale": 2.0}

            def __getattr__(self, name):
                if name.startswith("_"):
                    raise AttributeError(name)
                return self.items[name]

        item = Item()
        check(lambda x: x * item.scale, recordings, [lambda: item.items.update(scale=3.0)])

    def test_cached_function(self, recordings):
        scale = [2.0]

        @lru_cache
        def cached(number):
            return scale[0] * number

        def change():
            scale[0] = 5.0
            cached.cache_clear()

        check(lambda x: x * cached(2), recordings, [change])

    def test_array_that_is_read_in_parts_and_as_a_whole(self, recordings):
        rows, large, items = np.ones((4, 3)), np.ones((5000, 3)), np.array([2.0, None])
        f = compile(lambda x: x * rows[1] + rows.sum() + large.sum() * items[0])
        check(f, recordings, [lambda: rows.fill(2.0), lambda: large.fill(3.0), lambda: items.__setitem__(0, 5.0)])

    def test_attribute_of_the_function(self, recordings):
        def f(x):
            return x * f.scale

        f.scale = 2.0
        check(f, recordings, [lambda: setattr(f, "scale", 3.0)])

    def test_globals_and_the_environment_of_the_process(self, recordings, monkeypatch):
        monkeypatch.setenv("SCALE_OF_A_TEST", "2")
        f = compile(lambda x: x * globals()["factor"] * float(os.environ["SCALE_OF_A_TEST"]))
        changes = [
            lambda: monkeypatch.setitem(globals(), "factor", 3.0),
            lambda: monkeypatch.setenv("SCALE_OF_A_TEST", "5"),
        ]
        check(f, recordings, changes)


class TestMethodsAndHooks:
    def test_methods_that_the_code_of_a_module_calls(self, recordings):
        offset = [1.0]

        class Base(nn.Module):
            scale = 2.0

            def forward(self, x):
                return self.activation(x) * self.scale

            def activation(self, x):
                return x

        class Derived(Base):
            def activation(self, x):
                return super().activation(x) + self.offset()

            def offset(self):
                return offset[0]

        model = Derived()
        changes = [
            lambda: offset.__setitem__(0, 3.0),
            lambda: setattr(Base, "scale", 7.0),
            lambda: setattr(Base, "activation", lambda self, x: x * 100),
            lambda: setattr(Derived, "offset", lambda self: 0.0),
            lambda: setattr(model, "scale", 1.0),
        ]
        check(lambda x: model(x), recordings, changes)

    def test_state_of_a_hook(self):
        def run(wrap):
            w, scale = Value(np.ones(3)), [2.0]
            w.register_hook(lambda g: g * scale[0])

            def step(x):
                w.grad = None
                (w * x).sum().backward()
                return w.grad.sum()

            f, found = wrap(step), []
            for number in range(8):
                scale[0] = 2.0 if number < 5 else 7.0
                found.append(float(f(X)))
            return found

        assert run(compile) == run(lambda f: f)

    def test_hook_of_a_computed_value(self):
        def run(wrap):
            w, found = Value(np.ones(3)), []

            def loss(x):
                h = x * w
                h.register_hook(lambda g: g * 2)
                return (h * 3).sum()

            f = wrap(loss)
            for scale in range(1, 6):
                w.grad = None
                f(X * scale).backward()
                found.append(w.grad.copy())
            return found

        with pytest.warns(UserWarning, match="a Value that it computes has a hook"):
            compiled = run(compile)
        np.testing.assert_allclose(compiled, run(lambda f: f))


class TestCounters:
    def test_counter_and_list_that_the_function_only_adds_to(self):
        calls = []
        count = 0

        def f(x):
            nonlocal count
            count += 1
            calls.append(1)
            return x * 2.0

        fast = compile(f)
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            for _ in range(6):
                np.testing.assert_array_equal(fast(X), X * 2)
        assert (count, len(calls)) == (6, 6)
        assert len(found) == 1 and "which a replay would not" in str(found[0].message)

    @pytest.mark.parametrize("kind", ["closure", "item", "attribute", "iterator", "schedule"])
    def test_counter_that_may_matter_later(self, kind):
        def run(wrap):
            count, counts, item = 0, {"n": 0}, Scaled()
            numbers = iter([2.0] * 5 + [3.0] * 20)
            w = Value(np.ones(3))
            optimizer = nn.SGD([w], lr=0.1)
            schedule = nn.StepLR(optimizer, 4)

            def closure(x):
                nonlocal count
                count += 1
                return x * 2 if count < 6 else x

            def of_item(x):
                counts["n"] += 1
                return x * 2 if counts["n"] < 6 else x

            def attribute(x):
                item.scale += 1
                return x * 2 if item.scale < 6 else x

            def iterator(x):
                return x * next(numbers)

            def scheduled(x):
                optimizer.zero_grad()
                loss = (w * x).sum()
                loss.backward()
                optimizer.step()
                schedule.step()
                return loss

            f = wrap({"closure": closure, "item": of_item, "attribute": attribute, "iterator": iterator}.get(kind, scheduled))
            return [numbers_of(f(X)) for _ in range(12)]

        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            np.testing.assert_array_equal(run(compile), run(lambda f: f))
        if kind == "schedule":  # each replay takes the step of the schedule
            assert not found
        else:
            assert len(found) == 1 and "which a replay would not" in str(found[0].message)

    def test_too_many_changes_warn_once_with_the_name(self, recordings):
        beta = 0.0
        f = compile(lambda x: x * beta)
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            for number in range(30):
                beta = float(number)
                np.testing.assert_array_equal(f(X), X * number)
        assert [str(item.message) for item in found] == [
            "the compiled function <lambda>() runs eagerly, because it cannot be replayed: beta changed between calls, pass it "
            "as an argument"
        ]
        assert recordings() == compiled_module.PATIENCE

    def test_the_reason_is_not_a_count_that_changes_as_it_should(self):
        rng = np.random.default_rng(0)
        layer = nn.Linear(3, 2, rng=0)
        optimizer = nn.Adam(layer.named_parameters())

        def step_of(read):
            def step(x):
                optimizer.zero_grad()
                (layer(read(x)) ** 2).sum().backward()
                optimizer.step()

            return compile(step)

        table = rng.normal(size=(9, 3))
        noisy, indexed = step_of(lambda x: x + rng.normal(size=x.shape)), step_of(lambda batch: table[batch])
        with pytest.warns(UserWarning, match=r"a number from outside, .* differed between two calls .*draw random numbers by"):
            for _ in range(10):
                noisy(X)
        with pytest.warns(UserWarning, match=r"Python code reads a number that differed .* index an array by np.take\(array"):
            for _ in range(10):
                indexed(rng.permutation(9)[:4])

    def test_changes_that_do_not_matter_yet(self, recordings):
        step = 0
        f = compile(lambda x: x * 3.0 if step > 20 else x)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for step in range(30):
                np.testing.assert_array_equal(f(X), X * 3.0 if step > 20 else X)


def test_derivative_after_a_change():
    beta = 2.0
    w = Value(np.ones(3))
    f = compile(lambda x: ((x * w) ** 2 * beta).sum())
    for _ in range(3):
        out = f(X)
    beta = 3.0
    with pytest.raises(RuntimeError, match="beta changed since the call"):
        gradient(gradient(out, w).sum(), w)


def test_a_step_whose_gradient_is_constant():
    def run(wrap):
        model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh(), nn.Linear(4, 2, rng=1))
        optimizer = nn.Adam(model.parameters(), lr=0.1)

        def step(x):
            optimizer.zero_grad()
            loss = model(x).sum()
            loss.backward()
            optimizer.step()
            return loss

        f = wrap(step)
        return [float(f(X * scale).data) for scale in (1.0, 2.0, 3.0, 0.5, 1.0)]

    np.testing.assert_allclose(run(compile), run(lambda f: f), rtol=1e-12)
