"""CLIP-AC: CLIP with sentences meant for anomaly classification; two definitions of it are in print.

Zhou et al., "AnomalyCLIP", ICLR 2024, average over the templates that CLIP's authors used for ImageNet. Jeong et al.,
"WinCLIP", CVPR 2023, have two short prompts.
"""

from dataclasses import dataclass

from open_clip.zero_shot_metadata import OPENAI_IMAGENET_TEMPLATES

from zsad.detectors.clip import CLIP, CLIPOptions


@dataclass(frozen=True)
class CLIPACOptions(CLIPOptions):
    """Every open choice of CLIP-AC; those of `CLIPOptions` but for the definition.

    Attributes:
        definition: "AnomalyCLIP" sets "normal [object]" and "anomalous [object]" into the 80 ImageNet templates, which
            keep their articles, and averages the unit embeddings of a side; "WinCLIP" takes the two as they are.
    """

    def sentences(self, words: str) -> list[list[str]]:
        """The sentences about an object, a list a side: normal first."""
        phrases = [f"{state} {words}" for state in (self.normal_word, self.anomalous_word)]
        if self.definition == "WinCLIP":
            return [[phrase] for phrase in phrases]
        return [[template(phrase) for template in OPENAI_IMAGENET_TEMPLATES] for phrase in phrases]


class CLIPAC(CLIP):
    """CLIP-AC on one backbone. Differentiable from the prediction down to the images."""

    name = "clip_ac"
    title = "CLIP-AC"
    _defaults = CLIPACOptions
