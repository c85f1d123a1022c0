"""Passes the gradient graphs of every model below a folder through onnx's own checker, shape inference included.

    node scripts/prepare.mjs && pip install onnx && python bench/check-with-onnx.py <folder with .onnx files>

Each model is differentiated by the command line, default outputs and inputs. A model that the checker refuses by itself is
listed as such and does not count. Exits with 1 when a gradient graph is refused.
"""

import pathlib
import subprocess
import sys
import tempfile

import onnx

ROOT = pathlib.Path(__file__).resolve().parent.parent


def problem(path):
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        opsets = {entry.domain: entry.version for entry in model.opset_import}
        return None if path.name != "grad.onnx" or 18 <= opsets[""] <= 21 else f"operator set {opsets['']}"
    except Exception as error:
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"


def main(folder):
    refused, checked, skipped = [], 0, []
    with tempfile.TemporaryDirectory() as scratch:
        out = pathlib.Path(scratch) / "grad.onnx"
        for source in sorted(pathlib.Path(folder).rglob("*.onnx")):
            run = subprocess.run(["node", ROOT / "dist/bin/cytolens.js", "differentiate", source, "-o", out], capture_output=True, text=True)
            found = run.stderr.strip() if run.returncode else problem(out)
            if not found:
                checked += 1
            elif problem(source):
                skipped.append(f"{source}: the model itself: {problem(source)}")
            else:
                refused.append(f"{source}: {found}")
    print(f"{checked} gradient graphs pass onnx {onnx.__version__}'s checker, {len(refused)} do not")
    print("\n".join(skipped + refused))
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
