#include "AttentionCases.h"
#include "gtest/gtest.h"
TEST(A, B) {}
