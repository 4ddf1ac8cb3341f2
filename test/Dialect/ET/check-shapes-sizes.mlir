// Sizes alone: every verdict, and every operation that computes sizes.
// RUN: et-opt %s --et-check-shapes --split-input-file --verify-diagnostics

// Products cancel, whatever their factors are.
// expected-remark @below {{a path of 'products' is valid for all sizes}}
func.func @products(%b: index {et.dim = "batch"}, %s: index {et.dim = "tokens"}) {
  %c768 = arith.constant 768 : index
  %c12 = arith.constant 12 : index
  %c64 = arith.constant 64 : index
  %n = arith.muli %b, %s : index
  %elements = arith.muli %n, %c768 : index
  %heads = arith.muli %n, %c12 : index
  %size = arith.floordivsi %elements, %heads : index
  %ok = arith.cmpi eq, %size, %c64 : index
  cf.assert %ok, "12 heads of 64"
  return
}

// -----

// The smallest sizes that break it.
func.func @remainder(%s: index {et.dim = "tokens", et.min = 24, et.max = 512}) {
  %c0 = arith.constant 0 : index
  %c12 = arith.constant 12 : index
  %r = arith.remsi %s, %c12 : index
  %ok = arith.cmpi eq, %r, %c0 : index
  // expected-error @below {{tokens is a multiple of 12, which fails with tokens = 25}}
  cf.assert %ok, "tokens is a multiple of 12"
  return
}

// -----

// expected-remark @below {{a path of 'multiple' is valid for all sizes}}
func.func @multiple(%s: index {et.dim = "tokens", et.multiple_of = 24}) {
  %c0 = arith.constant 0 : index
  %c12 = arith.constant 12 : index
  %r = arith.remui %s, %c12 : index
  %ok = arith.cmpi eq, %r, %c0 : index
  cf.assert %ok, "tokens is a multiple of 12"
  return
}

// -----

// Equal names are one size.
// expected-remark @below {{valid for all sizes}}
func.func @named(%a: index {et.dim = "n"}, %b: index {et.dim = "n"}) {
  %ok = arith.cmpi eq, %a, %b : index
  cf.assert %ok, "equal"
  return
}

// -----

func.func @always(%a: index {et.dim = "n"}) {
  %c2 = arith.constant 2 : index
  %c7 = arith.constant 7 : index
  %d = arith.muli %a, %c2 : index
  %ok = arith.cmpi eq, %d, %c7 : index
  // expected-error @below {{twice n is 7, which no sizes satisfy}}
  cf.assert %ok, "twice n is 7"
  return
}

// -----

// A demand that passed holds for what follows.
func.func @first(%a: index {et.dim = "a"}, %b: index {et.dim = "b"}) {
  %c1 = arith.constant 1 : index
  %same = arith.cmpi eq, %a, %b : index
  // expected-error @below {{same, which fails with a = 2, b = 1}}
  cf.assert %same, "same"
  %no = arith.cmpi ult, %a, %c1 : index
  cf.assert %no, "not reached"
  return
}

// -----

// Half of a convolution: sizes halve, rounded up, and one more than half of an odd size does not fit.
// expected-remark @below {{valid for all sizes}}
func.func @halves(%s: index {et.dim = "size"}) {
  %c2 = arith.constant 2 : index
  %up = arith.ceildivsi %s, %c2 : index
  %down = arith.divui %s, %c2 : index
  %both = arith.addi %up, %down : index
  %ok = arith.cmpi eq, %both, %s : index
  cf.assert %ok, "halves make a whole"
  return
}

// -----

func.func @minimum(%a: index {et.dim = "a"}, %b: index {et.dim = "b"}) {
  %min = arith.minsi %a, %b : index
  %max = arith.maxui %a, %b : index
  %ordered = arith.cmpi sle, %min, %max : index
  cf.assert %ordered, "ordered"
  %less = arith.cmpi slt, %min, %max : index
  // expected-error @below {{different, which fails with a = 1, b = 1}}
  cf.assert %less, "different"
  return
}

// -----

#half = affine_map<(d0)[s0] -> ((d0 + s0) floordiv 2)>
// expected-remark @below {{valid for all sizes}}
func.func @affine(%a: index {et.dim = "a"}) {
  %c3 = arith.constant 3 : index
  %h = affine.apply #half(%a)[%a]
  %least = affine.min affine_map<(d0) -> (d0, 7)>(%a)
  %most = affine.max affine_map<(d0) -> (d0 ceildiv 2, d0 mod 5)>(%least)
  %same = arith.cmpi eq, %h, %a : index
  cf.assert %same, "half of twice"
  %ok = arith.cmpi ule, %most, %least : index
  cf.assert %ok, "bounded"
  return
}

// -----

// A quadratic demand is refuted by an example, whatever the solver makes of the product.
func.func @square(%a: index {et.dim = "a"}) {
  %c49 = arith.constant 49 : index
  %square = arith.muli %a, %a : index
  %ok = arith.cmpi ne, %square, %c49 : index
  // expected-error @below {{not 49, which fails with a = 7}}
  cf.assert %ok, "not 49"
  return
}

// -----

// What cannot be decided is said, with the reason.
func.func @undecidable(%a: index {et.dim = "a"}, %b: index {et.dim = "b"}) {
  %aa = arith.muli %a, %a : index
  %c2 = arith.constant 2 : index
  %bb = arith.muli %b, %b : index
  %bb2 = arith.muli %bb, %c2 : index
  %ok = arith.cmpi ne, %aa, %bb2 : index
  // expected-warning @below {{the root of 2 is no fraction, which could not be decided: it multiplies sizes with each other, and no example was found}}
  cf.assert %ok, "the root of 2 is no fraction"
  return
}

// -----

func.func @unknown(%a: index {et.dim = "a"}, %count: index {et.unknown}) {
  %ok = arith.cmpi sle, %count, %a : index
  // expected-warning @below {{enough room, which could not be decided: it depends on arg1}}
  cf.assert %ok, "enough room"
  return
}

// -----

// Whatever it turns out to be.
// expected-remark @below {{valid for all sizes}}
func.func @any(%count: index {et.unknown, et.min = 0}, %flag: i1) {
  %c0 = arith.constant 0 : index
  %ok = arith.cmpi sge, %count, %c0 : index
  %true = arith.constant true
  %not = arith.xori %flag, %true : i1
  %either = arith.ori %flag, %not : i1
  %all = arith.andi %ok, %either : i1
  cf.assert %all, "not negative, and one of two"
  return
}

// -----

func.func @quotient(%a: index {et.dim = "a"}, %b: index {et.dim = "b"}) {
  %q = arith.divui %a, %b : index
  %back = arith.muli %q, %b : index
  %less = arith.cmpi ule, %back, %a : index
  cf.assert %less, "rounded down"
  %same = arith.cmpi eq, %back, %a : index
  // expected-error @below {{b divides a, which fails with}}
  cf.assert %same, "b divides a"
  return
}

// -----

// What dividend and divisor have in common cancels.
// expected-remark @below {{a path of 'cancels' is valid for all sizes}}
func.func @cancels(%n: index {et.dim = "n"}, %k: index {et.dim = "k", et.multiple_of = 2}) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %elements = arith.muli %n, %k : index
  %pairs = arith.muli %n, %c2 : index
  %rest = arith.remui %elements, %pairs : index
  %ok = arith.cmpi eq, %rest, %c0 : index
  cf.assert %ok, "pairs of features"
  return
}

// -----

func.func @overflow(%a: index {et.dim = "a"}) {
  %c = arith.constant 4611686018427387904 : index
  %b = arith.muli %a, %c : index
  %d = arith.muli %b, %c : index
  %ok = arith.cmpi sge, %d, %a : index
  // expected-warning @below {{more, which could not be decided: it has sizes beyond 64 bits}}
  cf.assert %ok, "more"
  return
}

// -----

// Both sides of a branch, and what a side knows. Results of branches come along.
// expected-remark @below {{a path of 'branches' is valid for all sizes}}
func.func @branches(%b: index {et.dim = "batch"}) {
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %large = arith.cmpi sgt, %b, %c8 : index
  // expected-note @below {{on the path where this condition holds}}
  // expected-note @below {{on the path where this condition does not hold}}
  %size, %flag = scf.if %large -> (index, i1) {
    %0 = arith.subi %b, %c8 : index
    %true = arith.constant true
    scf.yield %0, %true : index, i1
  } else {
    %false = arith.constant false
    scf.yield %b, %false : index, i1
  }
  %fits = arith.cmpi sle, %size, %c4 : index
  %ok = arith.ori %flag, %fits : i1
  // expected-error @below {{small, which fails with batch = 5}}
  cf.assert %ok, "small"
  return
}

// -----

// An if without an else and with nothing behind it is a path of its own.
// expected-remark @below {{no sizes lead here}}
func.func @unreachable(%b: index {et.dim = "batch"}) {
  %c0 = arith.constant 0 : index
  %c9 = arith.constant 9 : index
  %large = arith.cmpi sgt, %b, %c9 : index
  // expected-note @below {{on the path where this condition holds}}
  scf.if %large {
    %small = arith.cmpi slt, %b, %c9 : index
    // expected-note @below {{on the path where this condition holds}}
    scf.if %small {
      %false = arith.cmpi slt, %b, %c0 : index
      cf.assert %false, "never asked"
    }
  }
  return
}

// -----

// expected-remark @below {{no sizes lead here}}
func.func @contradiction(%b: index {et.dim = "batch", et.min = 5, et.max = 4}) {
  return
}

// -----

// A wish is a remark, and nothing is taken from it.
// expected-remark @below {{valid for all sizes}}
func.func @note(%s: index {et.dim = "tokens"}) {
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  %r = arith.remsi %s, %c16 : index
  %ok = arith.cmpi eq, %r, %c0 : index
  // expected-remark @below {{note: whole tiles of 16 tokens, which fails with tokens = 1}}
  cf.assert %ok, "whole tiles of 16 tokens" {et.note}
  %more = arith.cmpi sge, %s, %c0 : index
  // A wish that comes true is not worth a word.
  cf.assert %more, "some tokens" {et.note}
  return
}
