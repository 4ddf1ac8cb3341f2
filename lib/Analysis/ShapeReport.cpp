//===- ShapeReport.cpp - Reports of shape checking --------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "et/Analysis/ShapeCheck.h"

#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::et;
namespace json = llvm::json;

StringRef mlir::et::stringifyVerdict(ShapeVerdict verdict) {
  switch (verdict) {
  case ShapeVerdict::Valid:
    return "valid";
  case ShapeVerdict::Invalid:
    return "invalid";
  case ShapeVerdict::Undecidable:
    return "undecidable";
  case ShapeVerdict::Unreachable:
    return "unreachable";
  }
  llvm_unreachable("unknown verdict");
}

std::string mlir::et::toString(const SizeExample &example) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleaveComma(example, os, [&](const auto &entry) { os << entry.first << " = " << entry.second; });
  return text;
}

/// The places of a location, innermost first.
static void collectFrames(Location loc, json::Array &frames) {
  if (auto file = dyn_cast<FileLineColLoc>(loc)) {
    frames.push_back(
        json::Object{{"file", file.getFilename().getValue()}, {"line", file.getLine()}, {"column", file.getColumn()}});
  } else if (auto call = dyn_cast<CallSiteLoc>(loc)) {
    collectFrames(call.getCallee(), frames);
    collectFrames(call.getCaller(), frames);
  } else if (auto named = dyn_cast<NameLoc>(loc)) {
    collectFrames(named.getChildLoc(), frames);
  } else if (auto fused = dyn_cast<FusedLoc>(loc)) {
    for (Location part : fused.getLocations())
      collectFrames(part, frames);
  }
}

static json::Array getFrames(Location loc) {
  json::Array frames;
  collectFrames(loc, frames);
  return frames;
}

static json::Object toJSON(const ShapeIssue &issue) {
  json::Object example;
  for (const auto &[name, value] : issue.example)
    example[name] = value;
  json::Object result{{"message", issue.message},
                      {"location", getFrames(issue.loc)},
                      {"example", std::move(example)},
                      {"always", issue.always}};
  if (!issue.reason.empty())
    result["reason"] = issue.reason;
  return result;
}

json::Value mlir::et::toJSON(const ShapeReport &report) {
  json::Array paths;
  for (const ShapePath &path : report.paths) {
    json::Array branches, notes;
    for (auto [loc, holds] : path.branches)
      branches.push_back(json::Object{{"location", getFrames(loc)}, {"holds", holds}});
    for (const ShapeIssue &note : path.notes)
      notes.push_back(::toJSON(note));
    json::Object entry{
        {"verdict", stringifyVerdict(path.verdict)}, {"branches", std::move(branches)}, {"notes", std::move(notes)}};
    if (path.issue)
      entry["demand"] = ::toJSON(*path.issue);
    paths.push_back(std::move(entry));
  }
  return json::Object{{"name", report.function}, {"complete", report.isComplete}, {"paths", std::move(paths)}};
}
