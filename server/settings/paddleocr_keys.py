"""Keys under ocr.predict_system that only PaddleOCR knows, or knows by another name.

They are the arguments of tools/infer/utility.py in PaddleOCR 1.1 to 2.1, from which the original
OCRWebServer took its settings; the arguments that have a setting here are not listed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from server.settings.constraints import Constraint

SECTION = "ocr.predict_system"
OLD_SIDE_LENGTH = "det_max_side_len"
WITHOUT_EFFECT = frozenset(
    {
        # lines are recognized one by one (decisions/0003), on CPUs only
        "cls_batch_num", "gpu_mem", "ir_optim", "max_batch_size", "rec_batch_num", "use_fp16",
        "use_tensorrt", "use_zero_copy_run",
        # the model decides
        "label_list", "max_text_length", "rec_algorithm", "rec_char_type", "use_space_char",
        # algorithms other than DB and CTC
        "det_east_cover_thresh", "det_east_nms_thresh", "det_east_score_thresh",
        "det_sast_nms_thresh", "det_sast_polygon", "det_sast_score_thresh",
        "e2e_algorithm", "e2e_char_dict_path", "e2e_limit_side_len", "e2e_limit_type",
        "e2e_model_dir", "e2e_pgnet_mode", "e2e_pgnet_polygon", "e2e_pgnet_score_thresh",
        "e2e_pgnet_valid_set",
        # boxes are scored by the fast mode, without dilation, as PaddleOCR does by default
        "det_db_score_mode", "use_dilation",
        # of PaddleOCR's scripts
        "benchmark", "image_dir", "process_id", "save_log_path", "show_log", "total_process_num",
        "use_mp", "use_pdserving", "vis_font_path",
    }
)  # fmt: skip


def adopt(config: Mapping[str, Any], side_length: Constraint) -> tuple[str, ...]:
    """Rename the older keys, remove those without effect, and return the removed ones.

    ValueError names a key whose value is wrong, or contradicts another.
    """
    ocr = config.get("ocr")
    values = ocr.get("predict_system") if isinstance(ocr, dict) else None
    if not isinstance(values, dict):
        return ()
    if OLD_SIDE_LENGTH in values:
        value = values.pop(OLD_SIDE_LENGTH)
        if "det_limit_side_len" in values or values.get("det_limit_type", "max") != "max":
            raise ValueError(
                f"{SECTION}.{OLD_SIDE_LENGTH} means det_limit_side_len with det_limit_type max; "
                "leave it out, or leave those two out"
            )
        try:
            values["det_limit_side_len"] = side_length(value)
        except ValueError as error:
            raise ValueError(f"{SECTION}.{OLD_SIDE_LENGTH} = {value!r}: {error}") from None
        values["det_limit_type"] = "max"
    removed = tuple(key for key in values if key in WITHOUT_EFFECT)
    for key in removed:
        del values[key]
    return removed


def warning(removed: Sequence[str]) -> str:
    """One line about the keys that adopt() removed."""
    return f"{SECTION}: these keys have no effect here: {', '.join(removed)}"
