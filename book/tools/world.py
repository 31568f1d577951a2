"""Which world a study's numbers come from: real pictures and models, or the demo world's."""

from collections.abc import Collection

from zsad.study.config import Study


def world(study: Study, used: Collection[str] | None = None) -> str:
    """One sentence: which world the study's numbers come from. Of real models, and of some beside the demo world, those
    that were `used`, by default all of the study's.
    """
    demo_data = all(name.startswith("demo-") for name in study.suites)
    demo_model = all(name.startswith("demo-") for name in study.backbones)
    suites = ", ".join(study.suites)
    if demo_data and demo_model:
        models = "a small model" if len(study.backbones) == 1 else "small models"
        return (
            f"Demo world: rendered products ({_few(study.suites, 'suites')}) seen by {models} trained on rendered "
            f"products ({_few(study.backbones, 'models')}). Measurements of that world, not a claim about CLIP."
        )
    own = {name for name, weights in study.own_weights.items() if weights.architecture is not None}
    named = [name for name in study.backbones if used is None or name in used]
    models = ", ".join(f"{name} (weights of your own)" if name in own else name for name in named)
    seen_by = f" seen by {models}" if models else ""
    if not demo_data and not demo_model:
        return f"Real world: {suites}{seen_by}."
    return f"Mixed world: {'rendered' if demo_data else 'real'} pictures ({suites}){seen_by}."


def _few(names: Collection[str], kind: str) -> str:
    """One or two names, or how many there are: figures and tables name those that they show."""
    return ", ".join(names) if len(names) <= 2 else f"{len(names)} {kind}"
