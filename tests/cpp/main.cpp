// The entry point under Catch2 2; Catch2 3 brings its own.
#ifndef CATCH_V3
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif
