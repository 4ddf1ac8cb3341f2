//===- ProfileReport.cpp - Profiles as table, JSON and trace ----*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The floor of a step is the time that the memory of the device needs for the
// bytes, or its units for the operations, at their data sheet's best: what is
// longer is below, and the share says how near the step comes. A step whose data
// still lies in the cache may be faster than its floor.
//
//===----------------------------------------------------------------------===//

#include "ProfileReport.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

using namespace mlir::et;
using namespace mlir::et::runtime;

static double getFloor(const ProfileReport &report, const StepTime &step) {
  return report.peaks.getFloor(step.bytes, step.flops, step.math);
}

static double getTotal(const ProfileReport &report) {
  double total = 0;
  for (const StepTime &step : report.steps)
    total += step.microseconds;
  return total;
}

//===----------------------------------------------------------------------===//
// Table
//===----------------------------------------------------------------------===//

/// \p value with two digits behind the point, or a dash.
static std::string format(std::optional<double> value, int width, const char *unit = "") {
  char text[64];
  if (value)
    std::snprintf(text, sizeof(text), "%*.2f%s", width, *value, unit);
  else
    std::snprintf(text, sizeof(text), "%*s%*s", width, "-", static_cast<int>(std::strlen(unit)), "");
  return text;
}

namespace {
/// One or several steps, summed.
struct Sum {
  void add(const ProfileReport &report, const StepTime &step) {
    ++count;
    time += step.microseconds;
    floor += getFloor(report, step);
    hasBytes &= step.bytes.has_value();
    hasFlops &= step.flops.has_value();
    bytes += step.bytes.value_or(0);
    flops += step.flops.value_or(0);
  }

  std::string describe(double total) const {
    auto divide = [](double a, double b) { return b > 0 ? std::optional(a / b) : std::nullopt; };
    auto known = [](bool isKnown, std::optional<double> value) { return isKnown ? value : std::nullopt; };
    return format(time, 10) + format(divide(100 * time, total), 8, "%") + format(known(hasBytes, bytes * 1e-6), 10) +
           format(known(hasFlops, flops * 1e-9), 10) + format(known(hasBytes, divide(bytes * 1e-3, time)), 10) +
           format(known(hasFlops, divide(flops * 1e-6, time)), 10) + format(known(floor > 0, floor), 10) +
           format(known(floor > 0, divide(100 * floor, time)), 9, "%");
  }

  unsigned count = 0;
  double time = 0, floor = 0, bytes = 0, flops = 0;
  bool hasBytes = true, hasFlops = true;
};
} // namespace

void mlir::et::printProfile(const ProfileReport &report, std::FILE *out) {
  double total = getTotal(report);
  std::fprintf(out,
               "profile of '%s' for %s on %s: %zu steps in %.2f us; each is what the run gets longer by it\n"
               "        us   of run        MB     GFLOP      GB/s   TFLOP/s  floor us  of floor  step (kernel)\n",
               report.program.c_str(), report.target.c_str(), report.device.c_str(), report.steps.size(), total);
  std::map<std::string, Sum> kernels;
  std::map<std::string, std::string> names;
  Sum all;
  for (const StepTime &step : report.steps) {
    Sum sum;
    sum.add(report, step);
    all.add(report, step);
    kernels[step.symbol].add(report, step);
    names[step.symbol] = step.name;
    std::fprintf(out, "%s  %s (%s)\n", sum.describe(total).c_str(), step.name.c_str(), step.symbol.c_str());
  }
  std::vector<std::pair<std::string, Sum>> sorted(kernels.begin(), kernels.end());
  std::sort(sorted.begin(), sorted.end(), [](auto &a, auto &b) { return a.second.time > b.second.time; });
  std::fprintf(out, "by kernel:\n");
  for (auto &[symbol, sum] : sorted)
    std::fprintf(out, "%s  %u x %s (%s)\n", sum.describe(total).c_str(), sum.count, names[symbol].c_str(),
                 symbol.c_str());
  std::fprintf(out, "%s  in all\n", all.describe(total).c_str());
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

static std::string quote(const std::string &text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char code[8];
      std::snprintf(code, sizeof(code), "\\u%04x", c);
      result += code;
    } else {
      result += c;
    }
  }
  return result + '"';
}

static std::string number(double value) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.9g", value);
  return text;
}

/// The members of an object that say what \p step had to do and what it reached.
static std::string describeWork(const ProfileReport &report, const StepTime &step) {
  std::string text = "\"kernel\": " + quote(step.symbol) + ", \"grid\": [" + std::to_string(step.grid[0]) + ", " +
                     std::to_string(step.grid[1]) + ", " + std::to_string(step.grid[2]) +
                     "], \"threads\": " + std::to_string(step.threads);
  if (step.bytes)
    text += ", \"bytes\": " + std::to_string(*step.bytes);
  if (step.flops)
    text += ", \"flops\": " + std::to_string(*step.flops) +
            ", \"unit\": " + (step.math == MathUnit::Tensor ? "\"tensor\"" : "\"vector\"");
  if (double floor = getFloor(report, step); floor > 0) {
    text += ", \"floor_us\": " + number(floor);
    if (step.microseconds > 0)
      text += ", \"share_of_floor\": " + number(floor / step.microseconds);
  }
  return text;
}

static Error writeFile(const std::string &path, const std::string &text) {
  std::FILE *file = std::fopen(path.c_str(), "wb");
  bool isWritten = file && std::fwrite(text.data(), 1, text.size(), file) == text.size();
  int failure = errno;
  if (file && std::fclose(file) != 0) {
    failure = errno;
    isWritten = false;
  }
  if (isWritten)
    return Error::success();
  return Error("cannot write the profile to '" + path + "': " + std::strerror(failure));
}

Error mlir::et::writeProfileJSON(const ProfileReport &report, const std::string &path) {
  std::string text = "{\n  \"program\": " + quote(report.program) + ",\n  \"target\": " + quote(report.target) +
                     ",\n  \"device\": " + quote(report.device) +
                     ",\n  \"peak_bytes_per_second\": " + number(report.peaks.bytesPerSecond) +
                     ",\n  \"peak_vector_flops\": " + number(report.peaks.vectorFlops) +
                     ",\n  \"peak_tensor_flops\": " + number(report.peaks.tensorFlops) +
                     ",\n  \"us\": " + number(getTotal(report)) + ",\n  \"steps\": [";
  for (const StepTime &step : report.steps)
    text += std::string(&step == report.steps.data() ? "\n" : ",\n") + "    {\"name\": " + quote(step.name) +
            ", \"us\": " + number(step.microseconds) + ", " + describeWork(report, step) + "}";
  return writeFile(path, text + "\n  ]\n}\n");
}

Error mlir::et::writeProfileTrace(const ProfileReport &report, const std::string &path) {
  std::string text = "{\"displayTimeUnit\": \"ns\", \"traceEvents\": [\n"
                     "  {\"ph\": \"M\", \"name\": \"process_name\", \"pid\": 1, \"args\": {\"name\": " +
                     quote(report.device) +
                     "}},\n  {\"ph\": \"M\", \"name\": \"thread_name\", \"pid\": 1, \"tid\": 1, \"args\": {\"name\": " +
                     quote(report.program) + "}}";
  for (const StepTime &step : report.steps) {
    text += ",\n  {\"ph\": \"X\", \"name\": " + quote(step.name) +
            ", \"pid\": 1, \"tid\": 1, \"ts\": " + number(step.start) + ", \"dur\": " + number(step.microseconds) +
            ", \"args\": {" + describeWork(report, step) + "}}";
    // What the step reaches, as a line above the steps.
    double floor = getFloor(report, step);
    if (floor > 0 && step.microseconds > 0)
      text += ",\n  {\"ph\": \"C\", \"name\": \"share of floor\", \"pid\": 1, \"ts\": " + number(step.start) +
              ", \"args\": {\"percent\": " + number(100 * floor / step.microseconds) + "}}";
  }
  return writeFile(path, text + "\n]}\n");
}
