"""What each measure is, and whose definition it follows: the text for a paper's methods."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

#: What a cell of a table may hold.
Value: TypeAlias = float | int | bool | str

Kind: TypeAlias = Literal["number", "count", "flag", "text"]

#: Changes with any change of a definition; numbers of two versions are not to be compared.
VERSION = "2"

_VBENCH = (
    "Z. Huang et al., “VBench: Comprehensive Benchmark Suite for Video Generative Models”, CVPR 2024, section 3.1, and its "
    "published code, "
)
_S2V = (
    "S. Yuan et al., “OpenS2V-Nexus: A Detailed Benchmark and Million-Scale Dataset for Subject-to-Video Generation”, "
    "arXiv:2505.20292 (2025), and its published code, "
)
_SSIM = (
    "Z. Wang, A. C. Bovik, H. R. Sheikh and E. P. Simoncelli, “Image Quality Assessment: From Error Visibility to Structural "
    "Similarity”, IEEE Transactions on Image Processing 13 (2004) 600–612"
)
_FLOW = (
    "optical flow between every second frame, of the luma with a shorter side of at most 128 pixels, at most about 24 frames a "
    "second: both brought to one brightness and contrast, the shift of the whole picture by phase correlation, the rest by "
    "iterative Lucas–Kanade (G. Le Besnerais and F. Champagnat, “Dense optical flow by iterative local window registration”, "
    "ICIP 2005; both as in scikit-image)"
)
_STILLS = "8 frames, evenly spaced from the first to the last"


@dataclass(frozen=True, slots=True)
class Measure:
    """One column of `metrics` or `pair_metrics`."""

    name: str
    kind: Kind
    unit: str
    """Of the values, or their range."""
    definition: str
    source: str = ""
    """Whose definition it is, or follows; "" for a plain fact."""
    proxy: str = ""
    """How it falls short of `source`, in plain words; "" where it is the same."""


def _fact(name: str, kind: Kind, unit: str, definition: str) -> Measure:
    return Measure(name, kind, unit, definition)


FACTS = (
    _fact("width", "count", "pixels", "Width of the decoded frames."),
    _fact("height", "count", "pixels", "Height of the decoded frames."),
    _fact("fps", "number", "frames per second", "Average frame rate, as the file's index gives it."),
    _fact("frames", "count", "frames", "Frames in the file."),
    _fact("duration", "number", "seconds", "Duration of the video stream."),
    _fact("video_codec", "text", "", "Codec of the video stream, by FFmpeg's name."),
    _fact("audio_codec", "text", "", "Codec of the first audio stream, by FFmpeg's name; empty without one."),
    _fact("bitrate", "number", "bits per second", "Size of the whole file over the duration."),
    _fact("has_audio", "flag", "", "Whether there is an audio stream, be it silent."),
)

OF_CLIPS = (
    *FACTS,
    Measure(
        "subject_consistency",
        "number",
        "0–1, higher is steadier",
        "Of frames taken about 8 times a second (every n-th, n being the whole number nearest to the frame rate over 8), each "
        "with a shorter side of at most 384 pixels and embedded as a whole: the mean, over all but the first, of the mean of "
        "two cosine similarities, to the first frame and to the one before, each at least 0.",
        _VBENCH + "vbench/subject_consistency.py",
        "VBench embeds every frame, with DINO ViT-B/16. The default embedder here sees colours and edges, not subjects: it is a "
        "light proxy. With a DINO given as embedder the definition differs in the number of frames and in their size alone.",
    ),
    Measure(
        "temporal_flickering",
        "number",
        "0–1, higher is steadier",
        "(255 − the mean absolute difference of consecutive frames) / 255, over all pixels of all frames in 8-bit RGB at the "
        "clip's own size.",
        _VBENCH + "vbench/temporal_flickering.py",
        "The same number. VBench asks it of clips that it found to be static: where things move, that lowers it too.",
    ),
    Measure(
        "motion_smoothness",
        "number",
        "0–1, higher is smoother",
        "1 − the mean absolute difference between every second frame and what motion at an even pace between its neighbours "
        f"predicts: {_FLOW}; both neighbours are moved by half of the flow and averaged.",
        _VBENCH + "vbench/motion_smoothness.py",
        "VBench predicts the frame by a learned interpolation (AMT), at full size and in colour. This is a light proxy: sudden "
        "changes of light, and what appears from behind something, count as unsmooth too.",
    ),
    Measure(
        "dynamic_degree",
        "number",
        "0 or 1; the mean of many clips is their share of dynamic ones",
        "1 where in at least a quarter of the samples the mean length of the longest 5 % of the flow is more than 6 pixels in an "
        f"eighth of a second, for a shorter side of 256 pixels. Flow: {_FLOW}.",
        _VBENCH + "vbench/dynamic_degree.py",
        "VBench takes RAFT's flow, learned, between frames an eighth of a second apart. The rule and its thresholds are the "
        "same; the flow is classical: it misses motion of what has no texture, and what moves by much more than a tenth of "
        "the picture at a time while the rest stands still.",
    ),
    Measure(
        "motion_amplitude",
        "number",
        "pixels per frame of the clip",
        f"The mean length of the flow, per pixel and frame: {_FLOW}.",
        _S2V + "eval/get_motionscore.py",
        "OpenS2V-Eval averages the signed components of Farnebäck's flow, so that opposite motions cancel; lengths do not. "
        "It grows with the size of the picture and falls with the frame rate.",
    ),
    Measure(
        "sharpness",
        "number",
        "0–1, higher is sharper",
        f"1 − the blur effect of the luma, mean over {_STILLS}; frames of one colour are left out.",
        "F. Crété, T. Dolmière, P. Ladret and M. Nicolas, “The Blur Effect: Perception and Estimation with a New No-Reference "
        "Perceptual Blur Metric”, Human Vision and Electronic Imaging XII, Proc. SPIE 6492 (2007), in scikit-image",
        "Part of what VBench's imaging quality (MUSIQ, learned) is about. Noise and coding artefacts count as sharp.",
    ),
    Measure(
        "exposure",
        "number",
        "0 (black) – 1 (white)",
        f"Mean luma (ITU-R BT.601, gamma-encoded), over {_STILLS}.",
    ),
    Measure(
        "clipped_dark",
        "number",
        "share of pixels, 0–1",
        f"Pixels whose luma is at most 5 of 255, mean over {_STILLS}.",
    ),
    Measure(
        "clipped_bright",
        "number",
        "share of pixels, 0–1",
        f"Pixels whose luma is at least 250 of 255, mean over {_STILLS}.",
    ),
    Measure(
        "scene_cuts",
        "count",
        "cuts",
        "Frames that begin another shot: the mean change of hue, saturation and value is at least 15 of 255 (hues: of 180), and "
        "at least 3 times that of the two frames before and the two after. The next is at least 13 frames later, and "
        "the first at least 13 from the beginning.",
        "PySceneDetect's AdaptiveDetector with its defaults (B. Castellano, https://scenedetect.com)",
        "The same rule (its 15 frames from cut to cut end with the two that it looks ahead), on frames with a shorter side of at "
        "most 128 pixels. It finds hard cuts; dissolves and fades go unseen.",
    ),
    Measure(
        "scene_cut_frames",
        "text",
        "indices of frames, from 0",
        "The first frame of each shot but the first, with spaces between.",
    ),
    Measure(
        "loudness",
        "number",
        "LUFS",
        "Integrated loudness of the first audio stream, by FFmpeg's filter ebur128, in steps of 0.01. −70 is the absolute gate: "
        "silence, or less than 0.4 s of sound. Empty without audio.",
        "Recommendation ITU-R BS.1770-4 (2015), EBU R 128",
    ),
)

_CHARACTER = Measure(
    "subject_consistency_character1",
    "number",
    "0–1, higher is more alike",
    f"How far the subject of a reference image is to be found in the clip: in each of {_STILLS}, the highest cosine similarity "
    "between the whole reference and any of many overlapping windows of its shape, 1, 2/3 and 1/2 as high as the frame's shorter "
    "side (of at most 384 pixels; reference and windows as 224 × 224), at least 0; their mean. Empty where the image is not on "
    "this machine.",
    "After the subject consistency of OpenS2V-Eval, NexusScore: " + _S2V + "eval/get_nexusscore.py",
    "NexusScore finds the subject by an image-prompted detector (YOLO-World) and compares by a multimodal model (GME). A search "
    "by windows and, by default, an embedder that sees colours and edges are a light proxy: the reference's background counts "
    "too, and a clip without the subject does not get 0. Compare clips that were made with the same references.",
)

OF_PAIRS = (
    Measure(
        "fit",
        "text",
        "equal, scaled or stretched",
        "Whether both have the same size; else the larger was made as large as the smaller one (of two with as many pixels, the "
        "wider as the narrower), which stretches it where the aspect ratios differ by more than 1 %.",
    ),
    Measure(
        "compared",
        "count",
        "frames",
        "Frames compared: those nearest to equal times, 8 a second, as long as both last.",
    ),
    Measure(
        "ssim",
        "number",
        "−1–1, 1 for equal pictures",
        "Structural similarity of the luma, averaged down to a shorter side of about 256 pixels; Gaussian window of σ = 1.5; "
        "mean over the frames compared.",
        _SSIM,
    ),
    Measure(
        "psnr",
        "number",
        "dB, infinite for equal pictures",
        "10 · log10(255² / mean squared error), in 8-bit RGB, the error over all pixels of all frames compared.",
        "Q. Huynh-Thu and M. Ghanbari, “Scope of validity of PSNR in image/video quality assessment”, Electronics Letters 44 "
        "(2008) 800–801",
    ),
    Measure(
        "phash_distance",
        "number",
        "bits, 0–64",
        "Mean number of bits in which the perceptual hashes of the frames compared differ: the signs, around their median, of "
        "the 8 × 8 lowest frequencies of the cosine transform of 32 × 32 pixels. About 32 for unrelated pictures.",
        "C. Zauner, “Implementation and Benchmarking of Perceptual Image Hash Functions”, thesis, FH Hagenberg 2010; as in the "
        "library ImageHash (phash)",
    ),
)

_NUMBERED = re.compile(r"subject_consistency_character(\d+)")
_BY_NAME = {measure.name: measure for measure in (*OF_CLIPS, *OF_PAIRS)}


def definition_of(column: str) -> Measure:
    """The measure in a column of `metrics` or `pair_metrics`. Raises KeyError for a column that is none."""
    if _NUMBERED.fullmatch(column):
        return _CHARACTER
    return _BY_NAME[column]
