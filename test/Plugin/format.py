"""The tests of et-opt, as lit finds them: those that never call it would only run a second time."""

import lit.formats


class TestsOfEtOpt(lit.formats.ShTest):
    """Leaves out tests that do not run et-opt, and those of its own command line, which mlir-opt has of its own."""

    def getTestsInDirectory(self, suite, path, config, local):
        for test in super().getTestsInDirectory(suite, path, config, local):
            if "/tools/et-opt/" in test.getSourcePath():
                continue
            with open(test.getSourcePath(), encoding="utf-8") as file:
                if any("RUN:" in line and "et-opt" in line for line in file):
                    yield test
