"""DataLoader: batches of arrays or samples, shuffled, prefetched, and resumable in the middle of an epoch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from contextvars import copy_context
from dataclasses import fields, is_dataclass, replace
from queue import SimpleQueue
from typing import Any

import numpy as np

from autograd import Value
from nn.arrays import Rng, flag, raw_array, type_text
from nn.seeds import generator

STATE = {"position", "start", "generator", "samples", "batch_size", "shuffle"}


class DataLoader:
    """Iterates over a data set in batches; every ``for`` is an epoch.

    A data set is one of:

    - an array, whose first axis counts the samples, or a frame or series of pandas with numbers
    - a tuple, named tuple or dict of these, all of one length; it may hold dicts, such as ``({"image": images, "age": ages}, y)``
      for a model of several inputs. Batches have the same type.
    - an object with ``len()`` and ``[index]``, whose samples collate_samples() combines

    Batches are copies.

    Args:
        dataset: the samples.
        batch_size: the number of samples in a batch; the last batch has the rest.
        shuffle: whether each epoch takes the samples in a new random order.
        rng: a numpy Generator or a seed, or None, see nn.seed(): each epoch takes one permutation from it.
        drop_last: whether to leave out a smaller last batch.
        prefetch: the number of batches that a background thread prepares ahead; 0 for none. Order and random numbers stay
            the same. It helps where samples are read from files or computed by NumPy.
        collate: combines a list of samples into a batch; samples of a tuple of arrays are tuples.

    Raises:
        TypeError: if the data set is none of these, a size is not a whole number, or `shuffle` is neither True nor False.
        ValueError: if lengths or the indexes of frames differ, because rows are paired by position; or if a size is out of range.

    state_dict() counts the current batch of a loop as done: after load_state_dict() the next ``for`` gives the rest of that
    epoch, bit for bit. A data set that draws its own random numbers must save its generator itself, and not use prefetch.

    >>> x, y = np.arange(10.0).reshape(5, 2), np.arange(5)
    >>> for batch_x, batch_y in DataLoader((x, y), batch_size=2, shuffle=True, rng=0):
    ...     print(batch_x.shape, batch_y)
    (2, 2) [2 4]
    (2, 2) [3 0]
    (1, 2) [1]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        *,
        rng: Rng = None,
        drop_last: bool = False,
        prefetch: int = 0,
        collate: Callable[[list[Any]], Any] | None = None,
    ) -> None:
        for name, size in (("batch_size", batch_size), ("prefetch", prefetch)):
            if not isinstance(size, (int, np.integer)) or isinstance(size, bool):
                fix = (
                    ""
                    if np.isscalar(size)
                    else ": pass arrays that belong together as one data set, DataLoader((x, y), batch_size)"
                )
                raise TypeError(f"{name} must be a whole number, got {type(size).__name__}{fix}")
        if not isinstance(shuffle, (bool, np.bool_)):
            raise TypeError(f"shuffle must be True or False, got {type(shuffle).__name__}")
        drop_last = flag("drop_last", drop_last)
        if batch_size < 1 or prefetch < 0:
            raise ValueError(f"batch_size must be at least 1 and prefetch at least 0, got {batch_size} and {prefetch}")
        self.dataset = checked_dataset(dataset)
        self.samples = count_samples(self.dataset)
        self.batch_size, self.shuffle, self.drop_last = batch_size, shuffle, drop_last
        self.prefetch, self.collate = prefetch, collate
        self.generator = generator(rng)
        self._position = 0  # batches so far in this epoch
        self._start: dict[str, Any] | None = None  # the generator's state before this epoch's permutation
        self._resuming = False

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return self.samples // self.batch_size if self.drop_last else -(-self.samples // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        order = self._order()
        places = [order[i * self.batch_size : (i + 1) * self.batch_size] for i in range(self._position, len(self))]
        batches: Generator[Any, None, None] = (self._batch(indices) for indices in places)
        if self.prefetch:
            batches = prefetched(batches, self.prefetch)
        with closing(batches):  # ends the thread, also when the loop ends early
            for batch in batches:
                self._position += 1
                yield batch
        self._position, self._start = 0, None

    def _order(self) -> np.ndarray:
        """Return the samples in the order of this epoch: a new one or, after load_state_dict(), the saved one."""
        generator = self.generator
        if self._resuming and self._start is not None:
            generator = np.random.Generator(type(generator.bit_generator)())  # a twin: the original has drawn more since
            generator.bit_generator.state = self._start
        else:
            self._position, self._start = 0, dict(generator.bit_generator.state)
        self._resuming = False
        return generator.permutation(self.samples) if self.shuffle else np.arange(self.samples)

    def _batch(self, indices: np.ndarray) -> Any:
        if self.collate is not None:
            return self.collate([take_samples(self.dataset, index) for index in indices.tolist()])
        if isinstance(self.dataset, (np.ndarray, tuple, dict)):
            return take_samples(self.dataset, indices)
        return collate_samples([self.dataset[index] for index in indices.tolist()])

    def state_dict(self) -> dict[str, Any]:
        """Return the number of batches so far, the generator's state now and at the start of the epoch, and the settings."""
        return {
            "position": self._position,
            "start": self._start,
            "generator": self.generator.bit_generator.state,
            "samples": self.samples,
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where state_dict() was called; everything is checked before anything is changed.

        Raises:
            ValueError: if the state belongs to a loader with other settings or data.
        """
        if set(state) != STATE:
            raise ValueError(f"the state of a DataLoader must have {sorted(STATE)}, got {sorted(state)}")
        for name in ("samples", "batch_size", "shuffle"):
            if state[name] != getattr(self, name):
                raise ValueError(
                    f"the state was saved with {name}={state[name]}, but this DataLoader has {getattr(self, name)}: "
                    "create it from the same data with the same settings"
                )
        if not 0 <= state["position"] <= len(self):
            raise ValueError(f"the state is at batch {state['position']}, but this DataLoader has {len(self)}: check drop_last")
        probe = type(self.generator.bit_generator)()
        for name in ("start", "generator"):
            if state[name] is not None:
                probe.state = state[name]  # raises an error for the state of another generator
        self.generator.bit_generator.state = state["generator"]
        self._position, self._start, self._resuming = state["position"], state["start"], state["start"] is not None


class Subset:
    """Selects the samples of a data set at some indices, as random_split() does for data sets that are not arrays."""

    def __init__(self, dataset: Any, indices: Sequence[int] | np.ndarray) -> None:
        self.dataset, self.indices = dataset, np.asarray(indices)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[int(self.indices[index])]


def random_split(dataset: Any, lengths: Sequence[float], *, rng: Rng = None, stratify: Any = None) -> list[Any]:
    """Split a data set into random parts without common samples.

    Args:
        dataset: as for DataLoader; parts of arrays are arrays.
        lengths: numbers of samples that add up to all, or fractions that add up to 1.
        rng: a numpy Generator or a seed, or None, see nn.seed().
        stratify: (samples,), a class for each sample: all parts then have the same proportions of the classes.

    Raises:
        ValueError: if the lengths do not add up, or not every sample has a class.

    >>> x, y = np.arange(10), np.arange(10) % 2
    >>> (x_train, y_train), (x_test, y_test) = random_split((x, y), [0.6, 0.4], rng=0, stratify=y)
    >>> x_train, y_test
    (array([3, 6, 4, 5, 2, 7]), array([1, 0, 0, 1]))
    """
    dataset = checked_dataset(dataset)
    rng, total = generator(rng), count_samples(dataset)
    order = rng.permutation(total)
    ends = np.cumsum(lengths)
    if not all(isinstance(length, (int, np.integer)) for length in lengths):
        ends = np.rint(ends / ends[-1] * total).astype(int) if np.isclose(ends[-1], 1.0) else ends
    if min(lengths) < 0 or ends[-1] != total:
        raise ValueError(f"lengths must add up to {total} samples, or as fractions to 1, got {list(lengths)}")
    if stratify is not None:
        classes = np.asarray(stratify)
        if classes.shape != (total,):
            raise ValueError(f"stratify takes one class for each of {total} samples, got the shape {classes.shape}")
        order = stratified(order, classes[order])
    parts = [rng.permutation(part) for part in np.split(order, ends[:-1])]
    take = take_samples if isinstance(dataset, (np.ndarray, tuple, dict)) else Subset
    return [take(dataset, part) for part in parts]


def stratified(order: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the indices in an order in which every section has the same proportions of classes, up to one sample."""
    share = np.empty(len(order))
    for label in np.unique(classes):
        of_label = classes == label
        share[of_label] = (np.arange(of_label.sum()) + 0.5) / of_label.sum()
    return order[np.argsort(share, kind="stable")]


def checked_dataset(dataset: Any) -> Any:
    """Return the data set with everything array-like in it as arrays; raise an error for anything else."""
    if isinstance(dataset, (tuple, dict)):
        arrays = dict(enumerate(dataset)) if isinstance(dataset, tuple) else dataset
        require_one_index([item for item in arrays.values() if hasattr(item, "iloc")])
        arrays = {key: checked_dataset(item) if isinstance(item, dict) else as_samples(item) for key, item in arrays.items()}
        lengths = {name: count_samples(array) for name, array in arrays.items()}
        if len(set(lengths.values())) != 1:
            raise ValueError(
                f"the arrays of a data set must have one length, got {lengths}; several inputs of a model are a dict, "
                '({"a": a, "b": b}, y)'
            )
        return as_tuple(dataset, arrays.values()) if isinstance(dataset, tuple) else arrays
    if isinstance(dataset, (np.ndarray, Value)) or hasattr(dataset, "iloc"):
        return as_samples(dataset)
    if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
        raise TypeError(
            f"a data set must be an array, a tuple or dict of arrays, or have len() and [index], got {type(dataset).__name__}"
        )
    return dataset


def as_tuple(example: tuple[Any, ...], items: Iterable[Any]) -> tuple[Any, ...]:
    """Return the items as a tuple, or as a named tuple if the example is one."""
    return type(example)(*items) if hasattr(example, "_fields") else tuple(items)


def as_samples(array: Any) -> np.ndarray:
    """Return an array of samples, also from a frame or series of pandas; raise TypeError for Values."""
    if isinstance(array, Value):
        raise TypeError("a data set must have NumPy arrays, got a Value: pass its .data")
    if hasattr(array, "iloc"):
        return frame_array(array)
    try:
        array = np.asanyarray(array)
    except ValueError:
        raise ValueError(
            f"expected one array, got a {type(array).__name__} of arrays of different shapes: several inputs of a "
            'model are a dict, ({"a": a, "b": b}, y)'
        ) from None
    if not array.ndim:
        raise ValueError("the arrays of a data set must have an axis of samples, got a single number")
    return array


def frame_array(frame: Any) -> np.ndarray:
    """Return the numbers of a frame or series of pandas, in one dtype that holds those of all columns.

    Raises:
        TypeError: for a column without numbers, such as words, categories or dates.
        ValueError: for a missing value in a column whose dtype has no nan.
    """
    who, single = type(frame).__name__, hasattr(frame, "dtype")
    dtypes = [(frame.name, frame.dtype)] if single else list(zip(frame.columns, frame.dtypes, strict=True))
    for name, dtype in dtypes:
        if dtype.kind not in "biuf":
            raise TypeError(
                f"a data set must have numbers, but column {name!r} of the {who} has the dtype {dtype}: leave it out, or convert "
                "it, for classes with np.unique(labels, return_inverse=True)[1] or pandas.get_dummies"
            )
    own = [not isinstance(dtype, np.dtype) for _, dtype in dtypes]
    absent = [bool(absent and extension) for absent, extension in zip(np.atleast_1d(frame.isna().any()), own, strict=True)]
    if any(absent):
        raise ValueError(
            f"column {dtypes[absent.index(True)][0]!r} of the {who} has missing values: drop the rows or fill them in"
        )
    kinds = [np.dtype(getattr(dtype, "numpy_dtype", getattr(dtype, "subtype", dtype))) for _, dtype in dtypes]
    return frame.to_numpy(dtype=np.result_type(*kinds) if kinds else np.float64)


def require_one_index(frames: list[Any]) -> None:
    """Raise ValueError if frames have different indexes, because their rows are paired by position."""
    for frame in frames[1:]:
        if len(frame) == len(frames[0]) and not frame.index.equals(frames[0].index):
            raise ValueError(
                "the frames of a data set are paired row by row, but their indexes differ: sort them alike, for example with "
                "y.loc[x.index], or, if their rows are in the same order, call .reset_index(drop=True) on each"
            )


def count_samples(dataset: Any) -> int:
    """Return the number of samples."""
    if isinstance(dataset, (tuple, dict)):
        return count_samples(next(iter(dataset.values() if isinstance(dataset, dict) else dataset)))
    return len(dataset)


def count_targets(y: Any) -> int:
    """Return the number of targets in a batch, or of samples if the targets are a tuple or dict."""
    return count_samples(y) if isinstance(y, (tuple, dict)) else np.size(raw_array(y))


def take_samples(dataset: Any, indices: Any) -> Any:
    """Return the samples at some indices, or one sample at one index."""
    if isinstance(dataset, tuple):
        return as_tuple(dataset, [take_samples(array, indices) for array in dataset])
    return (
        {name: take_samples(array, indices) for name, array in dataset.items()} if isinstance(dataset, dict) else dataset[indices]
    )


def collate_samples(samples: list[Any]) -> Any:
    """Combine samples into a batch: stack numbers and arrays along a new first axis, also in tuples, dicts and dataclasses.

    Named tuples give a named tuple; lists of numbers are arrays.

    Raises:
        ValueError: if the samples have different shapes, lengths or keys.
        TypeError: for samples of different types; for None and objects other than numbers, arrays and strings; for a list of
            arrays, which should be a tuple.

    >>> collate_samples([(np.zeros(3), 0), (np.ones(3), 1)])
    (array([[0., 0., 0.], [1., 1., 1.]]), array([0, 1]))
    """
    first = samples[0]
    for sample in samples:
        if type_with_parts(sample) is not type_with_parts(first):
            raise TypeError(f"the samples of a batch must be of one kind, got {type(first).__name__} and {type(sample).__name__}")
    if isinstance(first, tuple):
        if len(lengths := {len(sample) for sample in samples}) > 1:
            raise ValueError(f"the samples of a batch must have the same parts, got tuples of the lengths {sorted(lengths)}")
        return as_tuple(first, (collate_samples(list(items)) for items in zip(*samples, strict=True)))
    if isinstance(first, dict):
        for sample in samples:
            if apart := first.keys() ^ sample.keys():
                raise ValueError(
                    f"the samples of a batch must have the same keys, but only some have {', '.join(sorted(map(repr, apart)))}: "
                    "add them to every sample, or pass collate="
                )
        return {name: collate_samples([sample[name] for sample in samples]) for name in first}
    if is_dataclass(first) and not isinstance(first, type):
        names = [field.name for field in fields(first)]
        return replace(first, **{name: collate_samples([getattr(sample, name) for sample in samples]) for name in names})
    return stacked(samples)


def type_with_parts(sample: Any) -> type | None:
    """Return the type of a sample with parts: dict, or a class of tuples or dataclasses; None for a sample without parts."""
    if isinstance(sample, dict):
        return dict
    return type(sample) if isinstance(sample, tuple) or is_dataclass(sample) else None


def stacked(samples: list[Any]) -> Any:
    """Stack numbers, arrays or strings along a new first axis."""
    for sample in samples:
        if sample is None:
            raise TypeError("a sample holds None, which an array cannot hold: leave the part out, or pass collate=")
        if isinstance(sample, list) and any(not np.isscalar(item) and not isinstance(item, list) for item in sample):
            raise TypeError(
                f"a list as a sample must be one array, got a list of {', '.join(type(item).__name__ for item in sample[:4])}: "
                "use a tuple, (x, y), for a sample of several parts, or pass collate="
            )
    shapes = {np.shape(sample) for sample in samples}
    if len(shapes) > 1:
        raise ValueError(f"the samples of a batch must have one shape, got {sorted(shapes)}: pad them, or pass collate=")
    batch, texts = np.stack(samples), [isinstance(sample, (str, bytes, np.str_, np.bytes_)) for sample in samples]
    if isinstance(batch, np.ndarray) and batch.dtype.kind == "O" or any(texts) and not all(texts):
        kinds = ", ".join(sorted({type(sample).__name__ for sample in samples}))
        raise TypeError(f"the samples of a batch must be numbers, arrays or strings, got {kinds}: pass collate=")
    if isinstance(batch, np.ndarray) and batch.dtype == np.float64:
        for sample in samples:
            if isinstance(sample, (int, np.integer)) and int(float(sample)) != sample:
                raise ValueError(
                    f"a sample is the integer {sample}, which a float would round, but other samples need floats: use one dtype, "
                    "or pass collate="
                )
    return batch


def prefetched(items: Iterable[Any], size: int) -> Generator[Any, None, None]:
    """Yield the items, which a thread computes up to `size` ahead; raise the errors of the thread here."""
    room, ready, left = threading.Semaphore(size), SimpleQueue[tuple[str, Any]](), threading.Event()

    def work() -> None:
        try:
            for item in items:
                ready.put(("item", item))
                room.acquire()
                if left.is_set():
                    return
            ready.put(("end", None))
        except BaseException as error:  # of any kind, because the caller waits for it
            ready.put(("error", error))

    thread = threading.Thread(target=copy_context().run, args=(work,), name="DataLoader", daemon=True)
    thread.start()
    try:
        while (got := ready.get())[0] == "item":
            yield got[1]
            room.release()
        if got[0] == "error":
            raise got[1]
    finally:
        left.set()
        room.release()
        thread.join()


# --- batches for fit() and evaluate() -----------------------------------------------------------------


def checked_batch(batch: Any) -> tuple[Any, Any]:
    """Return a batch as (x, y); raise ValueError for anything else."""
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        size = f" of {len(batch)}" if isinstance(batch, (tuple, list, dict)) else ""
        raise ValueError(
            f"a batch must be (x, y), got {type_text(batch)}{size}: pass all data as a tuple (x, y), or a DataLoader of one; "
            'several inputs of a model are a dict, ({"a": a, "b": b}, y)'
        )
    x, y = batch
    x, y = as_samples(x) if hasattr(x, "iloc") else x, as_samples(y) if hasattr(y, "iloc") else y
    if not hasattr(y, "__len__") or np.isscalar(y) or getattr(y, "shape", None) == ():
        raise ValueError(
            "a batch must be (x, y) with an axis of samples, but y is a single number: pass nn.DataLoader(data, batch_size)"
        )
    return x, y


def batches_of(data: Any, batch_size: int, shuffle: bool = False, rng: Rng = None, drop_last: bool = False) -> Any:
    """Return a DataLoader for arrays (x, y), and other iterables of batches as they are."""
    if isinstance(data, tuple) and len(data) != 2:
        raise ValueError(
            f"the data must be a tuple (x, y) or an iterable of such batches, got a tuple of {len(data)}; several inputs of a "
            'model are a dict, ({"a": a, "b": b}, y)'
        )
    if (
        isinstance(data, (Mapping, np.ndarray, Value))
        or hasattr(data, "iloc")
        or data is not None
        and not hasattr(data, "__iter__")
    ):
        raise ValueError(
            f"the data must be a tuple (x, y) or an iterable of such batches, got {type_text(data)}: pass (x, y), or "
            "nn.DataLoader(data, batch_size) for a data set of samples (x, y)"
        )
    if isinstance(data, list) and data:
        checked_batch(data[0])  # before the first epoch
    if isinstance(data, tuple):
        return DataLoader(data, batch_size, shuffle, rng=rng, drop_last=drop_last)
    if flag("drop_last", drop_last):
        raise ValueError("drop_last=True is for data given as arrays: pass it to the DataLoader")
    return data
