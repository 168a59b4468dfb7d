"""The believable tasks: what each runs on and how its life goes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from demo.beam.life import Life, life
from demo.beam.task import Stub, stub_config


@dataclass(frozen=True, slots=True)
class Recipe:
    """A kind of task that the simulation can start.

    `born` is when the task appears, in seconds after its generation begins; before it where
    negative, so that the page shows something under way at once.
    """

    key: str
    title: str
    stub: Stub
    life: Life
    born: float = 0
    cancel: str = "works"
    count: int = 1
    stagger: float = 0
    outputs: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    odd_lives: Mapping[int, Life] = field(default_factory=dict)


def _stub(
    kind: str,
    handler: str,
    *,
    cpu: int = 1000,
    gpu: str = "",
    memory: int = 1024,
    timeout: int = 180,
    retries: int = 0,
) -> Stub:
    config = stub_config(handler, cpu=cpu, gpu=gpu, memory=memory, timeout=timeout, retries=retries)
    return Stub(f"{kind}/{handler}", config)


def _deployment(name: str, version: int) -> dict[str, Any]:
    return {"deployment": {"id": f"dep-{name}", "name": name, "version": version}}


_REPORT = {
    "documents": 48_211,
    "shards": [
        {"shard": number, "vectors": 4_018 + number % 3, "ok": True} for number in range(12)
    ],
    "index": "embeddings-2026-11",
}
_TRACEBACK = """Traceback (most recent call last):
  File "/usr/local/lib/python3.11/site-packages/beta9/runner/function.py", line 214, in main
    result = handler(*args, **kwargs)
  File "/mnt/code/train.py", line 88, in finetune_lora
    loss = step(model, batch)
  File "/mnt/code/train.py", line 61, in step
    out = model(**batch)
  File "/usr/local/lib/python3.11/site-packages/torch/nn/modules/module.py", line 1736, in _call
    return self._call_impl(*args, **kwargs)
  File "/usr/local/lib/python3.11/site-packages/peft/peft_model.py", line 1719, in forward
    return self.base_model(input_ids=input_ids, attention_mask=attention_mask, **kwargs)
torch.OutOfMemoryError: CUDA out of memory: tried to allocate 2.50 GiB"""
_BAD_IMAGE = {"failure_reason": "UnidentifiedImageError: cannot identify image file"}

CATALOG: tuple[Recipe, ...] = (
    Recipe(
        "image",
        "Image model on an A10G",
        _stub("function", "sdxl:render_poster", cpu=4000, gpu="A10G", memory=16384, timeout=300),
        life((0, "PENDING"), (12, "RUNNING"), (105, "COMPLETE", {"result": {"images": 2}})),
        outputs=("poster.png", "poster-upscaled.png"),
        extra=_deployment("sdxl", 14),
    ),
    Recipe(
        "nightly",
        "Nightly task queue",
        _stub(
            "taskqueue/deployment",
            "nightly:rebuild_embeddings",
            cpu=8000,
            memory=32768,
            timeout=3600,
            retries=3,
        ),
        life((0, "PENDING"), (5, "RUNNING"), (150, "COMPLETE", {"result": _REPORT})),
        born=-25,
        extra=_deployment("nightly-embeddings", 3),
    ),
    Recipe(
        "timeout",
        "Endpoint that times out",
        _stub("endpoint/deployment", "app:summarize", gpu="T4", memory=8192, timeout=45),
        life((0, "PENDING"), (4, "RUNNING"), (49, "TIMEOUT")),
    ),
    Recipe(
        "retry",
        "Function that retries twice",
        _stub("function", "crawl:fetch_catalog", cpu=500, memory=512, timeout=120, retries=3),
        life(
            (0, "PENDING"),
            (3, "RUNNING"),
            (15, "RETRY"),
            (22, "RUNNING"),
            (38, "RETRY"),
            (46, "RUNNING"),
            (75, "COMPLETE"),
        ),
    ),
    Recipe(
        "failure",
        "Fails and says why",
        _stub("function", "train:finetune_lora", cpu=8000, gpu="A100-40", memory=65536),
        life(
            (0, "PENDING"),
            (6, "RUNNING"),
            (55, "FAILED", {"failure_reason": _TRACEBACK}),
        ),
    ),
    Recipe(
        "expired",
        "Never picked up, expires",
        _stub("taskqueue", "reports:weekly_digest", gpu="H100", memory=81920, timeout=600),
        life((0, "PENDING"), (65, "EXPIRED")),
    ),
    Recipe(
        "broken-config",
        "stub.config is not JSON",
        Stub("endpoint/deployment/legacy:predict", '{"runtime":{"cpu":1000,"gpu":'),
        life((0, "PENDING"), (3, "RUNNING"), (35, "COMPLETE")),
    ),
    Recipe(
        "unknown-status",
        "A status nobody has seen",
        _stub("function", "beta:checkpointed_eval", gpu="L4", memory=24576, timeout=900),
        life((0, "PENDING"), (5, "RUNNING"), (25, "PAUSED"), (60, "RUNNING"), (85, "COMPLETE")),
    ),
    Recipe(
        "stubborn",
        "Cancel does nothing",
        _stub("function", "ingest:mirror_bucket", cpu=2000, memory=4096, timeout=600),
        life((0, "PENDING"), (2, "RUNNING"), (140, "COMPLETE")),
        cancel="ignored",
    ),
    Recipe(
        "slow-stop",
        "Still stopping after a cancel",
        _stub("function", "train:sweep_worker", cpu=4000, gpu="A10G", memory=32768, timeout=900),
        life((0, "PENDING"), (4, "RUNNING"), (145, "COMPLETE")),
        cancel="slow",
    ),
    Recipe(
        "overwritten",
        "Final, then COMPLETE after all",
        _stub("endpoint/deployment", "app:transcribe", gpu="T4", memory=8192, timeout=40),
        life((0, "PENDING"), (3, "RUNNING"), (43, "TIMEOUT"), (63, "COMPLETE")),
        cancel="overwritten",
    ),
    Recipe(
        "batch",
        "A batch of twelve",
        _stub("taskqueue/deployment", "thumbs:make_thumbnail", memory=2048, timeout=300, retries=1),
        life((0, "PENDING"), (8, "RUNNING"), (40, "COMPLETE")),
        count=12,
        stagger=7,
        # Two fail, so that a group's card has something to tell.
        odd_lives={
            number: life((0, "PENDING"), (8, "RUNNING"), (30, "FAILED", _BAD_IMAGE))
            for number in (3, 8)
        },
    ),
)
