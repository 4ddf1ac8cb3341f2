//===- Npy.cpp - Arrays in numpy's .npy files -------------------*- C++ -*-===//
//
// Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
// See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A file is
//
//   "\x93NUMPY" major minor length {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } data
//
// with the length in two bytes in version 1 and in four later. The header is a
// literal of Python; only what numpy writes for arrays of numbers is understood.
//
//===----------------------------------------------------------------------===//

#include "et/Support/Npy.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <new>
#include <optional>

using namespace mlir::et;
using runtime::Error;
using runtime::Result;

static constexpr std::string_view kMagic("\x93NUMPY", 6);

/// Removes \p prefix from the front of \p text if it is there.
static bool consumeFront(std::string_view &text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix)
    return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// Reads a decimal number from the front of \p text.
static bool consumeInteger(std::string_view &text, int64_t &value) {
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc())
    return false;
  text.remove_prefix(end - text.data());
  return true;
}

namespace {
/// What the header of a file says.
struct Header {
  std::optional<std::string> descr;
  std::optional<bool> fortranOrder;
  std::optional<std::vector<int64_t>> shape;
};

/// Reads the dictionary of a header, front to back.
class HeaderParser {
public:
  explicit HeaderParser(std::string_view text) : rest(text) {}
  Error parse(Header &header);

private:
  void skipSpace() { rest.remove_prefix(std::min(rest.find_first_not_of(" \t\n"), rest.size())); }
  bool consume(std::string_view token) {
    skipSpace();
    return consumeFront(rest, token);
  }
  bool isNext(char character) {
    skipSpace();
    return !rest.empty() && rest.front() == character;
  }
  bool parseString(std::string &text);
  Error parseShape(std::vector<int64_t> &shape);

  std::string_view rest;
};
} // namespace

bool HeaderParser::parseString(std::string &text) {
  if (!isNext('\'') && !isNext('"'))
    return false;
  size_t end = rest.find(rest.front(), 1);
  if (end == std::string_view::npos)
    return false;
  text = rest.substr(1, end - 1);
  rest.remove_prefix(end + 1);
  return true;
}

Error HeaderParser::parseShape(std::vector<int64_t> &shape) {
  if (!consume("("))
    return Error("expected the shape in its header to be a tuple");
  while (!consume(")")) {
    skipSpace();
    int64_t size;
    if (!consumeInteger(rest, size) || size < 0)
      return Error("expected sizes in its header to be numbers that are not negative");
    shape.push_back(size);
    // A Python 2 long.
    (void)consumeFront(rest, "L");
    if (!consume(",") && !isNext(')'))
      return Error("expected the shape in its header to be a tuple");
  }
  return Error::success();
}

Error HeaderParser::parse(Header &header) {
  if (!consume("{"))
    return Error("expected its header to be a dictionary");
  while (!consume("}")) {
    std::string key;
    if (!parseString(key) || !consume(":"))
      return Error("expected its header to be a dictionary of strings");
    if (key == "descr") {
      header.descr.emplace();
      if (!parseString(*header.descr))
        return Error("its elements are structures; expected numbers");
    } else if (key == "fortran_order") {
      if (consume("True"))
        header.fortranOrder = true;
      else if (consume("False"))
        header.fortranOrder = false;
      else
        return Error("expected 'fortran_order' in its header to be True or False");
    } else if (key == "shape") {
      header.shape.emplace();
      if (Error error = parseShape(*header.shape))
        return error;
    } else {
      return Error("its header has an unknown key '" + key + "'");
    }
    if (!consume(",") && !isNext('}'))
      return Error("expected its header to be a dictionary");
  }
  return Error::success();
}

/// Bytes of an element of type \p descr; \p type gets it without the byte order.
static Result<int64_t> parseType(const std::string &descr, std::string &type) {
  std::string_view rest = descr;
  if (consumeFront(rest, ">"))
    return Error("its elements are big-endian; save it with .astype('<" + std::string(rest) + "')");
  if (!consumeFront(rest, "<") && !consumeFront(rest, "|"))
    (void)consumeFront(rest, "=");
  char kind = rest.empty() ? '\0' : rest.front();
  std::string_view digits = rest.substr(std::min<size_t>(1, rest.size()));
  int64_t size = 0;
  bool isSize = consumeInteger(digits, size) && digits.empty() && (size == 1 || size == 2 || size == 4 || size == 8);
  if (!isSize || (kind != 'f' && kind != 'i' && kind != 'u' && kind != 'b') || (kind == 'f' && size == 1) ||
      (kind == 'b' && size != 1))
    return Error("its elements are of numpy type '" + descr +
                 "'; expected floats, integers or booleans of at most 8 bytes");
  type = rest;
  return size;
}

/// A little-endian number of \p numBytes bytes.
static size_t readLittleEndian(std::string_view bytes, size_t numBytes) {
  size_t value = 0;
  for (size_t i = 0; i < numBytes; ++i)
    value |= static_cast<size_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  return value;
}

Result<NpyArray> mlir::et::parseNpy(std::string_view contents) {
  std::string_view rest = contents;
  if (!consumeFront(rest, kMagic))
    return Error("it is not a .npy file: it does not start with \\x93NUMPY");
  if (rest.size() < 2)
    return Error("it ends before its header");
  unsigned major = static_cast<unsigned char>(rest[0]), minor = static_cast<unsigned char>(rest[1]);
  rest.remove_prefix(2);
  if (major < 1 || major > 3 || minor != 0)
    return Error("expected format version 1.0, 2.0 or 3.0, but got " + std::to_string(major) + "." +
                 std::to_string(minor));
  size_t lengthBytes = major == 1 ? 2 : 4;
  if (rest.size() < lengthBytes)
    return Error("it ends before its header");
  size_t length = readLittleEndian(rest, lengthBytes);
  rest.remove_prefix(lengthBytes);
  if (rest.size() < length)
    return Error("it ends within its header");

  Header header;
  if (Error error = HeaderParser(rest.substr(0, length)).parse(header))
    return error;
  rest.remove_prefix(length);
  if (!header.descr || !header.fortranOrder || !header.shape)
    return Error("expected its header to have 'descr', 'fortran_order' and 'shape'");
  if (*header.fortranOrder)
    return Error("its elements are in column-major order; save it with numpy.ascontiguousarray(array)");
  NpyArray array;
  Result<int64_t> elementSize = parseType(*header.descr, array.type);
  if (!elementSize)
    return elementSize.getError();
  int64_t numBytes = *elementSize;
  // A size of 0 makes the product 0 whatever the others are.
  if (std::find(header.shape->begin(), header.shape->end(), 0) != header.shape->end())
    numBytes = 0;
  for (int64_t size : *header.shape)
    if (numBytes != 0 && __builtin_mul_overflow(numBytes, size, &numBytes))
      return Error("its shape has more elements than fit in memory");
  if (static_cast<uint64_t>(numBytes) != rest.size())
    return Error("expected " + std::to_string(numBytes) + " bytes of data by its header, but got " +
                 std::to_string(rest.size()));
  array.shape = std::move(*header.shape);
  array.numBytes = numBytes;
  array.data.reset(new (std::nothrow) char[std::max<int64_t>(numBytes, 1)]);
  if (!array.data)
    return Error("there is no memory for its " + std::to_string(numBytes) + " bytes");
  std::memcpy(array.data.get(), rest.data(), numBytes);
  return array;
}

namespace {
/// Closes a file at the end of its scope.
struct FileCloser {
  void operator()(std::FILE *file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;
} // namespace

/// Everything in \p path.
static Result<std::string> readFile(const std::string &path) {
  File file(std::fopen(path.c_str(), "rb"));
  std::string contents;
  char buffer[1 << 16];
  size_t count = 0;
  errno = file ? 0 : errno;
  while (file && (count = std::fread(buffer, 1, sizeof(buffer), file.get())) > 0)
    contents.append(buffer, count);
  // A folder opens, but does not read.
  if (!file || std::ferror(file.get()))
    return Error("cannot open '" + path + "': " + std::strerror(errno));
  return contents;
}

Result<NpyArray> mlir::et::readNpy(const std::string &path) {
  Result<std::string> contents = readFile(path);
  if (!contents)
    return contents.getError();
  Result<NpyArray> array = parseNpy(*contents);
  if (!array)
    return Error("cannot read '" + path + "': " + array.getError().getMessage());
  return array;
}

Error mlir::et::writeNpy(const std::string &path, const std::string &type, const std::vector<int64_t> &shape,
                         const char *data) {
  std::string_view digits = std::string_view(type).substr(std::min<size_t>(1, type.size()));
  int64_t numBytes;
  if (!consumeInteger(digits, numBytes) || !digits.empty())
    return Error("expected a numpy type such as f4, but got '" + type + "'");
  std::string header =
      "{'descr': '" + std::string(numBytes == 1 ? "|" : "<") + type + "', 'fortran_order': False, 'shape': (";
  for (int64_t size : shape) {
    header += std::to_string(size) + (shape.size() == 1 ? "," : ", ");
    numBytes *= size;
  }
  if (shape.size() > 1)
    header.resize(header.size() - 2);
  header += "), }";
  // Data starts at a multiple of 64 bytes; the header ends in a line feed.
  size_t prefix = kMagic.size() + 4;
  header.resize((prefix + header.size() + 1 + 63) / 64 * 64 - prefix - 1, ' ');
  header += '\n';
  std::string start(kMagic);
  start += {'\x01', '\0', static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  start += header;

  int failure = 0;
  auto write = [&](std::FILE *file, const char *bytes, size_t size) {
    if (failure == 0 && size > 0 && std::fwrite(bytes, 1, size, file) != size)
      failure = errno ? errno : EIO;
  };
  std::FILE *file = std::fopen(path.c_str(), "wb");
  if (!file)
    return Error("cannot write '" + path + "': " + std::strerror(errno));
  write(file, start.data(), start.size());
  write(file, data, numBytes);
  if (std::fclose(file) != 0 && failure == 0)
    failure = errno;
  if (failure == 0)
    return Error::success();
  return Error("cannot write '" + path + "': " + std::strerror(failure));
}
