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


LAYER = """\
func.func @layer(%x: tensor<?x4xf32>, %w: tensor<3x4xf32, #et.tile<1x4>>) -> tensor<?x3xf32> {
  %hidden = et.linear %x, %w : (tensor<?x4xf32>, tensor<3x4xf32, #et.tile<1x4>>) -> tensor<?x3xf32>
  %y = et.gelu %hidden : tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}
"""


def place(text: str, words: str, offset: int = 0) -> dict:
    """The document, and where \\p words start in it."""
    before = text[: text.index(words) + offset]
    return {"textDocument": {"uri": URI}, "position": {"line": before.count("\n"), "character": len(before.split("\n")[-1])}}


def ask(tool, method: str, text: str, **params) -> list | dict:
    _, messages = session(tool("et-lsp-server"), did_open(text), {"id": 1, "method": f"textDocument/{method}", "params": params})
    return response(messages, 1)


def start(location: dict) -> tuple[int, int]:
    return location["range"]["start"]["line"], location["range"]["start"]["character"]


def test_definition_and_references_of_a_value(tool):
    use = place(LAYER, "gelu %hidden", 6)
    [definition] = ask(tool, "definition", LAYER, **use)
    assert start(definition) == (1, 2)
    places = ask(tool, "references", LAYER, context={"includeDeclaration": True}, **use)
    assert {start(p) for p in places} >= {(1, 2), (2, 15)}
    assert ask(tool, "definition", LAYER, **place(LAYER, "return")) == []


def test_symbols_of_a_document(tool):
    module = LAYER + LAYER.replace("@layer", "@other")
    names = [s["name"] for s in ask(tool, "documentSymbol", module, textDocument={"uri": URI})]
    assert names == ["layer", "other"]
    assert ask(tool, "documentSymbol", "func.func @f(", textDocument={"uri": URI}) == []


@pytest.mark.parametrize("words, typed, offered", [
    ("et.gelu", "et.", {"gelu", "linear", "attention", "layer_norm"}),
    ("%hidden :", "%", {"hidden", "x", "w"}),
])
def test_completion_offers_what_the_dialect_has(tool, words, typed, offered):
    text = LAYER[: LAYER.index(words) + len(typed)] + "\n}\n"
    answer = ask(tool, "completion", text, context={"triggerKind": 2, "triggerCharacter": typed[-1]}, **place(LAYER, words, len(typed)))
    labels = {item["label"].lstrip("%#").removeprefix("et.") for item in answer["items"]}
    assert labels >= offered, labels


def test_a_change_brings_new_diagnostics(tool):
    """The editor sends the whole text again, first with a mistake, then mended."""
    def change(version: int, text: str) -> dict:
        return {"method": "textDocument/didChange",
                "params": {"textDocument": {"uri": URI, "version": version}, "contentChanges": [{"text": text}]}}

    broken = LAYER.replace("#et.tile<1x4>", "#et.tile<1x0>")
    _, messages = session(tool("et-lsp-server"), did_open(LAYER), change(2, broken), change(3, LAYER))
    first, second, third = [m["params"]["diagnostics"] for m in messages if m.get("method") == "textDocument/publishDiagnostics"]
    assert first == [] and third == []
    assert any("tile" in d["message"] for d in second), second


def test_a_request_for_a_file_that_is_not_open_is_empty(tool):
    _, messages = session(tool("et-lsp-server"), {"id": 1, "method": "textDocument/definition", "params": place(LAYER, "%hidden")})
    assert response(messages, 1) == []
