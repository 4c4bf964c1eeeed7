"""TensorFlow Serving: reads its model list from a file; a wrong base path leaves it running and never available."""

from __future__ import annotations

import re

from evals.practice.kubelet.behaviour import GIB, Behaviour, Chatter, Exit, Lines, Situation

BASE_PATHS = ("/models/ranker",)
_BASE_PATH = re.compile(r'base_path:\s*"([^"]*)"')


def behave(situation: Situation) -> Behaviour:
    file = situation.flag("model_config_file", "/config/models.config")
    text = situation.files.get(file)
    if text is None:
        lines: Lines = ((0.5, f"Failed to start server. Error: NOT_FOUND: {file}; No such file or directory"),)
        return Behaviour(output=lines, exit=Exit(0.8, 255))
    found = _BASE_PATH.search(text)
    if found is None or text.count("{") != text.count("}"):
        lines = ((0.5, 'Error parsing text-format tensorflow.serving.ModelServerConfig: 1:12: Expected "{".'),
                 (0.5, f"Failed to start server. Error: INVALID_ARGUMENT: Invalid protobuf file: '{file}'"))  # fmt: skip
        return Behaviour(output=lines, exit=Exit(0.8, 255))
    start = (
        (0.4, "I tensorflow_serving/model_servers/server_core.cc:471] Adding/updating models."),
        (0.4, f"I tensorflow_serving/model_servers/server_core.cc:600]  (Re-)adding model: ranker at {found[1]}"),
    )
    if found[1] not in BASE_PATHS:
        error = ("E tensorflow_serving/sources/storage_path/file_system_storage_path_source.cc:362] FileSystemStoragePathSource "
                 f"encountered a filesystem access error: Could not find base path {found[1]} for servable ranker with error "
                 f"NOT_FOUND: {found[1]} not found")  # fmt: skip
        return Behaviour(
            output=(*start, (0.6, error)), ports={8500: 1.0}, memory_bytes=GIB // 2, chatter=(Chatter(1.0, (error,)),)
        )
    lines = (
        (
            1.0,
            "I tensorflow_serving/core/basic_manager.cc:740] Successfully reserved resources to load servable {name: ranker version: 7}",
        ),
        (
            4.0,
            "I external/org_tensorflow/tensorflow/cc/saved_model/loader.cc:317] SavedModel load for tags { serve }; Status: success: OK.",
        ),
        (
            6.0,
            "I tensorflow_serving/core/loader_harness.cc:105] Successfully loaded servable version {name: ranker version: 7}",
        ),
        (6.5, "I tensorflow_serving/model_servers/server.cc:423] Running gRPC ModelServer at 0.0.0.0:8500 ..."),
        (6.6, "I tensorflow_serving/model_servers/server.cc:444] Exporting HTTP/REST API at:localhost:8501 ..."),
    )
    return Behaviour(output=(*start, *lines), ports={8500: 6.5, 8501: 6.6}, ready_after=6.6,
                     paths=("/v1/models/ranker", "/v1/models/ranker/metadata", "/monitoring/prometheus/metrics"),
                     memory_bytes=int(1.6 * GIB), memory_after=4.0, cpu_cores=0.6)  # fmt: skip
