"""Steps that are recorded: the same as the others, whatever records them."""

import copy
from itertools import count

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.fx.experimental.proxy_tensor import make_fx

from glassgpt.engine import Backend, Piece, TorchBackend
from glassgpt.engine.past import BLOCK, StaticPast
from glassgpt.engine.replay import MOST, Graphs, Plain, Recorder, Repeater, rounded
from glassgpt.engine.row_stable import FixedLinear, PaddedLinear, efficient, prepare
from glassgpt.model.attend import explicit
from tests.engine.models import sharp_model
from tests.engine.test_backend import TEXT, check_company, whole
from tests.engine.test_row_independence import check, schedules


class Tape:
    """Records PyTorch's operations with every number that came from Python, as a CUDA graph does, on any device."""

    def __init__(self) -> None:
        self.records = 0

    def record(self, run):
        self.records += 1
        with torch.inference_mode(False), torch.no_grad():
            return make_fx(run)()


def backend(model, recorder=None, chunk=128, **options):
    return TorchBackend(model, chunk=chunk, recorder=recorder or Plain(), **options)


def write(backend, texts, steps):
    """Read some texts at once, then token by token, all of them in each step; the logits of each step."""
    memory = backend.memory(len(texts), 24)
    backend.extend(memory, [Piece(row, text) for row, text in enumerate(texts)])
    for step in range(steps):
        yield backend.extend(memory, [Piece(row, [(7 * step + row) % 61]) for row in range(len(texts))])


@pytest.mark.parametrize("recorder", [Plain(), Tape()], ids=["plain", "tape"])
def test_recorded_steps_give_the_bits_of_others(recorder):
    """The texts differ in length, and positions cross no block: what was recorded serves all steps."""
    model, texts = sharp_model(), [TEXT[:3], TEXT[:9], TEXT[2:4]]
    ours = write(backend(model, recorder, pack=False), texts, 12)
    theirs = write(TorchBackend(model, pack=False), texts, 12)
    for got, wanted in zip(ours, theirs, strict=True):
        assert torch.equal(got, wanted)
    assert getattr(recorder, "records", 1) == 1


def test_a_tape_that_held_on_to_a_place_would_be_noticed(monkeypatch):
    """The tape is worth something: with a step that reads its place from Python, the test above fails."""
    from glassgpt.engine import replay

    numbers = count(3)
    fixed = replay.FixedStep.positions
    monkeypatch.setattr(replay.FixedStep, "positions", lambda self, ids: fixed(self, ids) * 0 + next(numbers))
    model = sharp_model()
    ours = list(write(backend(model, Tape(), pack=False), [TEXT[:3]], 5))
    theirs = list(write(TorchBackend(model, pack=False), [TEXT[:3]], 5))
    assert torch.equal(ours[0], theirs[0])
    assert not all(torch.equal(got, wanted) for got, wanted in zip(ours, theirs, strict=True))


@settings(max_examples=4)
@given(st.data(), st.integers(1, 4), st.sampled_from([4, 128]))
def test_rows_read_on_in_any_company_as_if_alone(data, rows, chunk):
    model = sharp_model(context_length=150)
    check_company(backend(model, chunk=chunk), TorchBackend(model), data, rows, 150)


@pytest.mark.slow
@settings(max_examples=10)
@given(schedules())
def test_a_request_gets_the_same_bits_alone_and_in_company(schedule):
    check(*schedule, torch.float32, lambda model, chunk=128: backend(model, chunk=chunk))


def test_a_step_is_recorded_when_it_comes_again_and_forgotten_when_others_come():
    model, tape = sharp_model(context_length=300), Tape()
    past = StaticPast(model.config, 3, 300, torch.float32, torch.device("cpu"))
    stable, _ = prepare(model, pack=False)
    repeater = Repeater(lambda ids, step: stable.hidden(ids, step), tape)
    with torch.no_grad():
        for place in (0, 1, 2, 63):
            repeater.step(past, 0, [5], [place])
        assert tape.records == 1
        repeater.step(past, 0, [5], [64])  # more positions are looked at: another shape
        repeater.step(past, 1, [5], [0])  # so is another row
        repeater.step(past, 0, [5, 6], [1, 2])  # and so are two
        assert tape.records == 1
        repeater.step(past, 0, [5], [127])
        assert tape.records == 2
    (frames,) = repeater._frames.values()
    assert len(frames) == 4 < MOST
    del past
    assert not repeater._frames  # what was recorded goes with the memory


def test_shapes_are_few():
    lengths = {rounded(length, 1024) for length in range(1, 1025)}
    assert lengths == {64, 128, 256, 512, 1024}
    assert rounded(700, 960) == 960
    assert all(rounded(length, 2048) >= length for length in range(1, 2049, 13))


def test_they_keep_the_protocols():
    assert isinstance(Plain(), Recorder)
    assert isinstance(Tape(), Recorder)
    assert isinstance(backend(sharp_model()), Backend)


@settings(max_examples=10)
@given(st.integers(1, 150), st.integers(1, 40), st.sampled_from([None, "gelu_new", "relu"]))
def test_products_of_one_shape_are_products(rows, width, activation):
    torch.manual_seed(rows)
    weight, bias, x = torch.randn(30, width), torch.randn(30), torch.randn(1, rows, width)
    fixed, padded = FixedLinear(weight, bias, activation), PaddedLinear(weight, bias, activation)
    torch.testing.assert_close(fixed(x), padded(x), rtol=1e-5, atol=1e-5)
    assert torch.equal(fixed(x[:, :1]), fixed(x[:, :1].expand(1, 65, -1))[:, 64:])


def test_the_attention_of_gpus_is_the_formula():
    torch.manual_seed(0)
    q, k, v = torch.randn(2, 3, 5, 8), torch.randn(2, 3, BLOCK, 16), torch.randn(2, 3, BLOCK, 16)
    mask = torch.arange(BLOCK) <= torch.tensor([[3, 4, 5, 6, 7], [0, 9, 9, 9, 63]])[:, None, :, None]
    k[..., 8:] = 0
    wanted = explicit(torch.nn.functional.pad(q, (0, 8)), k, v, mask, 0.3)[..., :8]
    torch.testing.assert_close(efficient(q, k, v, mask, 0.3), wanted)


@pytest.fixture(scope="module", params=[torch.float32, torch.bfloat16], ids=str)
def on_gpu(request):
    """A model with heads of 64 on the GPU."""
    shape = {"vocab_size": 211, "context_length": 256, "emb_dim": 192, "n_heads": 3}
    return sharp_model(2, scale=2.0, **shape).to("cuda", request.param)


@pytest.mark.gpu
def test_graphs_give_the_bits_of_the_steps_they_record(on_gpu):
    texts = [TEXT[:3], TEXT[:9], TEXT[2:4]]
    ours, theirs = TorchBackend(on_gpu), TorchBackend(on_gpu, recorder=Plain())
    for got, wanted in zip(write(ours, texts, 12), write(theirs, texts, 12), strict=True):
        assert torch.equal(got, wanted)
    assert isinstance(ours._repeater._recorder, Graphs)


@pytest.mark.gpu
def test_a_gpu_reads_as_a_cpu_does(on_gpu):
    text = [(7 * place) % 211 for place in range(256)]
    on_cpu = copy.deepcopy(on_gpu).float().cpu()
    wanted, got = whole(TorchBackend(on_cpu), text), whole(TorchBackend(on_gpu), text).cpu()
    distance = (got - wanted).square().mean().sqrt() / wanted.std()
    assert distance < (1e-4 if on_gpu.wte.weight.dtype == torch.float32 else 0.03)


@pytest.mark.gpu
@settings(max_examples=30)
@given(data=st.data(), rows=st.integers(1, 9), chunk=st.sampled_from([4, 36, 128]))
def test_rows_on_a_gpu_read_on_in_any_company_as_if_alone(on_gpu, data, rows, chunk):
    check_company(TorchBackend(on_gpu, chunk=chunk), TorchBackend(on_gpu), data, rows, 211)
