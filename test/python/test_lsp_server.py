"""A session with et-lsp-server, as an editor holds one: JSON-RPC over stdin and stdout."""

import json
import subprocess

import pytest

TIMEOUT_S = 60

VALID = """\
func.func @gelu(%x: tensor<?x384xf32>) -> tensor<?x384xf32> {
  %y = et.gelu %x : tensor<?x384xf32>
  return %y : tensor<?x384xf32>
}
"""
MISMATCH = """\
func.func @linear(%x: tensor<?x384xf32>, %w: tensor<1536x256xf32>) -> tensor<?x1536xf32> {
  %y = et.linear %x, %w : (tensor<?x384xf32>, tensor<1536x256xf32>) -> tensor<?x1536xf32>
  return %y : tensor<?x1536xf32>
}
"""
URI = "file:///model.mlir"


def frame(message: dict) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def parse_frames(data: bytes) -> list[dict]:
    messages = []
    while data:
        header, _, data = data.partition(b"\r\n\r\n")
        length = int(header.partition(b"Content-Length:")[2].split(b"\r\n")[0])
        messages.append(json.loads(data[:length]))
        data = data[length:]
    return messages


def session(server: str, *messages: dict) -> tuple[int, list[dict]]:
    """Initialises, sends the messages, shuts down; returns the exit code and all that the server sent."""
    script = [
        {"id": 0, "method": "initialize", "params": {"processId": None, "rootUri": None, "capabilities": {}}},
        {"method": "initialized", "params": {}},
        *messages,
        {"id": 99, "method": "shutdown", "params": None},
        {"method": "exit"},
    ]
    done = subprocess.run([server], input=b"".join(map(frame, script)), capture_output=True, timeout=TIMEOUT_S)
    return done.returncode, parse_frames(done.stdout)


def did_open(text: str) -> dict:
    document = {"uri": URI, "languageId": "mlir", "version": 1, "text": text}
    return {"method": "textDocument/didOpen", "params": {"textDocument": document}}


def diagnostics(messages: list[dict]) -> list[dict]:
    published = [m["params"] for m in messages if m.get("method") == "textDocument/publishDiagnostics"]
    assert published and published[-1]["uri"] == URI
    return published[-1]["diagnostics"]


def response(messages: list[dict], request: int) -> dict:
    [answer] = [m for m in messages if m.get("id") == request]
    assert "error" not in answer, answer
    return answer["result"]


def test_shutdown_is_clean(tool):
    code, messages = session(tool("et-lsp-server"))
    assert code == 0
    assert response(messages, 0)["capabilities"]["hoverProvider"]


def test_valid_module_has_no_diagnostics(tool):
    code, messages = session(tool("et-lsp-server"), did_open(VALID))
    assert code == 0
    assert diagnostics(messages) == []


def test_verifier_message_reaches_the_editor(tool):
    code, messages = session(tool("et-lsp-server"), did_open(MISMATCH))
    assert code == 0
    [diagnostic] = diagnostics(messages)
    assert "'et.linear' op" in diagnostic["message"]
    assert "384" in diagnostic["message"] and "256" in diagnostic["message"]
    # Lines count from 0: the op is on the second line.
    assert diagnostic["range"]["start"]["line"] == 1


@pytest.mark.parametrize(
    "text, message",
    [
        ("func.func @f(", "expected"),
        ('"et.nothing"() : () -> ()\n', "et.nothing"),
    ],
    ids=["truncated", "unknown op"],
)
def test_malformed_text_is_a_diagnostic(tool, text, message):
    code, messages = session(tool("et-lsp-server"), did_open(text))
    assert code == 0
    assert any(message in d["message"] for d in diagnostics(messages))


def test_hover_names_the_op(tool):
    hover = {
        "id": 1,
        "method": "textDocument/hover",
        "params": {"textDocument": {"uri": URI}, "position": {"line": 1, "character": 9}},
    }
    _, messages = session(tool("et-lsp-server"), did_open(VALID), hover)
    assert "et.gelu" in response(messages, 1)["contents"]["value"]


def test_exit_without_shutdown_is_an_error(tool):
    done = subprocess.run([tool("et-lsp-server")], input=frame({"method": "exit"}), capture_output=True, timeout=TIMEOUT_S)
    assert done.returncode == 1
