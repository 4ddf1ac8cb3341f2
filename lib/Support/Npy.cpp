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

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/ToolOutputFile.h"
#include "llvm/Support/raw_ostream.h"

#include <cstring>
#include <new>
#include <optional>

using namespace mlir::et;
using llvm::StringRef;

static constexpr StringRef kMagic("\x93NUMPY", 6);

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

namespace {
/// What the header of a file says.
struct Header {
  std::optional<std::string> descr;
  std::optional<bool> fortranOrder;
  std::optional<llvm::SmallVector<int64_t>> shape;
};

/// Reads the dictionary of a header, front to back.
class HeaderParser {
public:
  explicit HeaderParser(StringRef text) : rest(text) {}
  llvm::Error parse(Header &header);

private:
  void skipSpace() { rest = rest.ltrim(" \t\n"); }
  bool consume(StringRef token) {
    skipSpace();
    return rest.consume_front(token);
  }
  bool parseString(std::string &text);
  llvm::Error parseShape(llvm::SmallVector<int64_t> &shape);

  StringRef rest;
};
} // namespace

bool HeaderParser::parseString(std::string &text) {
  skipSpace();
  if (rest.empty() || (rest.front() != '\'' && rest.front() != '"'))
    return false;
  char quote = rest.front();
  size_t end = rest.find(quote, 1);
  if (end == StringRef::npos)
    return false;
  text = rest.slice(1, end).str();
  rest = rest.drop_front(end + 1);
  return true;
}

llvm::Error HeaderParser::parseShape(llvm::SmallVector<int64_t> &shape) {
  if (!consume("("))
    return makeError("expected the shape in its header to be a tuple");
  while (!consume(")")) {
    skipSpace();
    int64_t size;
    if (rest.consumeInteger(10, size) || size < 0)
      return makeError("expected sizes in its header to be numbers that are not negative");
    shape.push_back(size);
    // A Python 2 long.
    rest.consume_front("L");
    if (!consume(",") && !rest.ltrim().starts_with(")"))
      return makeError("expected the shape in its header to be a tuple");
  }
  return llvm::Error::success();
}

llvm::Error HeaderParser::parse(Header &header) {
  if (!consume("{"))
    return makeError("expected its header to be a dictionary");
  while (!consume("}")) {
    std::string key;
    if (!parseString(key) || !consume(":"))
      return makeError("expected its header to be a dictionary of strings");
    if (key == "descr") {
      header.descr.emplace();
      if (!parseString(*header.descr))
        return makeError("its elements are structures; expected numbers");
    } else if (key == "fortran_order") {
      if (consume("True"))
        header.fortranOrder = true;
      else if (consume("False"))
        header.fortranOrder = false;
      else
        return makeError("expected 'fortran_order' in its header to be True or False");
    } else if (key == "shape") {
      header.shape.emplace();
      if (llvm::Error error = parseShape(*header.shape))
        return error;
    } else {
      return makeError("its header has an unknown key '" + key + "'");
    }
    if (!consume(",") && !rest.ltrim().starts_with("}"))
      return makeError("expected its header to be a dictionary");
  }
  return llvm::Error::success();
}

/// Bytes of an element of type \p descr; \p type gets it without the byte order.
static llvm::Expected<int64_t> parseType(StringRef descr, std::string &type) {
  StringRef rest = descr;
  if (rest.consume_front(">"))
    return makeError("its elements are big-endian; save it with .astype('<" + rest + "')");
  if (!rest.consume_front("<") && !rest.consume_front("|"))
    rest.consume_front("=");
  int64_t size;
  if (rest.empty() || !StringRef("fiub").contains(rest.front()) || rest.drop_front().getAsInteger(10, size) ||
      !llvm::is_contained({1, 2, 4, 8}, size) || (rest.front() == 'f' && size == 1) ||
      (rest.front() == 'b' && size != 1))
    return makeError("its elements are of numpy type '" + descr +
                     "'; expected floats, integers or booleans of at most 8 bytes");
  type = rest.str();
  return size;
}

llvm::Expected<NpyArray> mlir::et::parseNpy(StringRef contents) {
  if (!contents.starts_with(kMagic))
    return makeError("it is not a .npy file: it does not start with \\x93NUMPY");
  StringRef rest = contents.drop_front(kMagic.size());
  if (rest.size() < 2)
    return makeError("it ends before its header");
  unsigned major = static_cast<unsigned char>(rest[0]), minor = static_cast<unsigned char>(rest[1]);
  rest = rest.drop_front(2);
  if (major < 1 || major > 3 || minor != 0)
    return makeError("expected format version 1.0, 2.0 or 3.0, but got " + llvm::Twine(major) + "." +
                     llvm::Twine(minor));
  size_t lengthBytes = major == 1 ? 2 : 4;
  if (rest.size() < lengthBytes)
    return makeError("it ends before its header");
  size_t length =
      major == 1 ? llvm::support::endian::read16le(rest.data()) : llvm::support::endian::read32le(rest.data());
  rest = rest.drop_front(lengthBytes);
  if (rest.size() < length)
    return makeError("it ends within its header");

  Header header;
  if (llvm::Error error = HeaderParser(rest.take_front(length)).parse(header))
    return error;
  rest = rest.drop_front(length);
  if (!header.descr || !header.fortranOrder || !header.shape)
    return makeError("expected its header to have 'descr', 'fortran_order' and 'shape'");
  if (*header.fortranOrder)
    return makeError("its elements are in column-major order; save it with numpy.ascontiguousarray(array)");
  NpyArray array;
  llvm::Expected<int64_t> elementSize = parseType(*header.descr, array.type);
  if (!elementSize)
    return elementSize.takeError();
  int64_t numBytes = *elementSize;
  // A size of 0 makes the product 0 whatever the others are.
  if (llvm::is_contained(*header.shape, 0))
    numBytes = 0;
  for (int64_t size : *header.shape)
    if (numBytes != 0 && llvm::MulOverflow(numBytes, size, numBytes))
      return makeError("its shape has more elements than fit in memory");
  if (static_cast<uint64_t>(numBytes) != rest.size())
    return makeError("expected " + llvm::Twine(numBytes) + " bytes of data by its header, but got " +
                     llvm::Twine(rest.size()));
  array.shape = std::move(*header.shape);
  array.numBytes = numBytes;
  array.data.reset(new (std::nothrow) char[std::max<int64_t>(numBytes, 1)]);
  if (!array.data)
    return makeError("there is no memory for its " + llvm::Twine(numBytes) + " bytes");
  std::memcpy(array.data.get(), rest.data(), numBytes);
  return array;
}

llvm::Expected<NpyArray> mlir::et::readNpy(StringRef path) {
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file)
    return makeError("cannot open '" + path + "': " + file.getError().message());
  llvm::Expected<NpyArray> array = parseNpy((*file)->getBuffer());
  if (!array)
    return makeError("cannot read '" + path + "': " + llvm::toString(array.takeError()));
  return array;
}

llvm::Error mlir::et::writeNpy(StringRef path, StringRef type, llvm::ArrayRef<int64_t> shape, const char *data) {
  size_t numBytes;
  if (type.drop_front().getAsInteger(10, numBytes))
    return makeError("expected a numpy type such as f4, but got '" + type + "'");
  std::string header =
      "{'descr': '" + std::string(numBytes == 1 ? "|" : "<") + type.str() + "', 'fortran_order': False, 'shape': (";
  for (int64_t size : shape) {
    header += std::to_string(size) + (shape.size() == 1 ? "," : ", ");
    numBytes *= size;
  }
  if (shape.size() > 1)
    header.resize(header.size() - 2);
  header += "), }";
  // Data starts at a multiple of 64 bytes; the header ends in a line feed.
  size_t prefix = kMagic.size() + 4;
  header.resize(llvm::alignTo(prefix + header.size() + 1, 64) - prefix - 1, ' ');
  header += '\n';

  std::error_code code;
  llvm::ToolOutputFile file(path, code, llvm::sys::fs::OF_None);
  if (code)
    return makeError("cannot write '" + path + "': " + code.message());
  char length[2];
  llvm::support::endian::write16le(length, header.size());
  file.os() << kMagic << '\x01' << '\0' << StringRef(length, 2) << header << StringRef(data, numBytes);
  file.os().flush();
  if (file.os().has_error()) {
    code = file.os().error();
    file.os().clear_error();
    return makeError("cannot write '" + path + "': " + code.message());
  }
  file.keep();
  return llvm::Error::success();
}
