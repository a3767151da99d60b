// Archives come back as they went; cut, changed, foreign and newer bytes are refused as such.
#include "base/archive.hpp"

#include "base/error.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {
Archive sample() {
  Archive a;
  a.put("w", {1.5, -2, 3, 4, 5, 6}, {2, 3});
  a.put("empty", {}, {0});
  a.put("name", "drift \x01 net");
  return a;
}
}  // namespace

TEST_CASE("an archive survives its bytes", "[archive]") {
  const Archive b = Archive::parse(sample().bytes(), "state");
  REQUIRE(b.numbers("w").values == sample().numbers("w").values);
  REQUIRE(b.numbers("w").shape == std::vector<std::int64_t>{2, 3});
  REQUIRE(b.numbers("empty").values.empty());
  REQUIRE(b.text("name") == sample().text("name"));
  REQUIRE(b.names() == std::vector<std::string>{"empty", "name", "w"});
  REQUIRE_THROWS_AS(b.numbers("other"), Error);
}

TEST_CASE("every cut and every changed byte of an archive is refused", "[archive]") {
  const std::string whole = sample().bytes();
  for (std::size_t n = 0; n < whole.size(); ++n)
    REQUIRE_THROWS_AS(Archive::parse(whole.substr(0, n), "f"), Error);
  for (std::size_t n = 0; n < whole.size(); ++n) {
    std::string bad = whole;
    bad[n] ^= 0x20;
    REQUIRE_THROWS_AS(Archive::parse(bad, "f"), Error);
  }
  REQUIRE_THROWS_AS(Archive().put("w", {1, 2}, {3}), Error);
}
