// Every kind of velocity field: derivatives against differences, bytes there and back, the same bytes on any
// threads, what it refuses.
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "base/threads.hpp"
#include "field/model/network.hpp"
#include "field/train/fit.hpp"
#include "test.hpp"
#include "two_branch_cells.hpp"

using namespace fatefield;

namespace {

const TwoBranchCells& cells() {
  static const TwoBranchCells made = two_branch_cells(300, 40);
  return made;
}

FieldOptions small(const std::string& kind) {
  FieldOptions o;
  o.field = kind;
  o.components = 8;
  o.encoder = {16};
  o.latent = 6;
  o.decoder = {7, 16};
  o.hidden = {16, 12};
  o.epochs = 20;
  o.learning_rate = 5e-3;
  return o;
}

FieldFit fit(const FieldData& data, const FieldOptions& o, std::uint64_t seed = 1) {
  return fit_field(
      data, o, SparseVfcOptions(), seed, [](const FieldProgress&) { return true; }, nullptr);
}

const std::vector<std::string> kKinds = {"vae", "ae",    "mlp",    "sparsevfc", "knn",
                                         "pca", "ridge", "linear", "mean"};

// States beside cells, some entries negative: there the soft logarithm is a line.
std::vector<double> some_states(std::int64_t n) {
  std::vector<double> x;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t g = 0; g < cells().x.cols; ++g)
      x.push_back(cells().x(7 * i + 3, g) + 0.4 * std::sin(static_cast<double>(i + 5 * g)) + 0.013);
  }
  return x;
}

// Largest difference of jvp() and factors() from central differences of evaluate(), relative to the largest
// change.
double derivative_error(const VelocityField& field) {
  constexpr std::int64_t kStates = 5;
  constexpr double kStep = 1e-5;
  const std::int64_t g = field.genes();
  const std::vector<double> x = some_states(kStates);
  std::vector<double> delta, up(x), down(x), above(x), below(x), product(x);
  for (std::size_t i = 0; i < x.size(); ++i) delta.push_back(std::cos(static_cast<double>(3 * i)));
  for (std::size_t i = 0; i < x.size(); ++i) {
    up[i] += kStep * delta[i];
    down[i] -= kStep * delta[i];
  }
  const auto workspace = field.workspace();
  field.evaluate(kStates, up.data(), above.data(), *workspace);
  field.evaluate(kStates, down.data(), below.data(), *workspace);
  field.jvp(kStates, x.data(), delta.data(), product.data(), *workspace);
  double worst = 0.0, size = 1e-9;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double slope = (above[i] - below[i]) / (2.0 * kStep);
    worst = std::max(worst, std::abs(slope - product[i]));
    size = std::max(size, std::abs(slope));
  }
  for (std::int64_t i = 0; i < kStates; ++i) {
    const JacobianFactors j = field.factors(x.data() + i * g, *workspace);
    for (std::int64_t to = 0; to < g; ++to) {
      double sum = 0.0;
      for (std::int64_t k = 0; k < j.left.cols; ++k) {
        for (std::int64_t from = 0; from < g; ++from)
          sum += j.left(to, k) * j.right(k, from) * delta[static_cast<std::size_t>(i * g + from)];
      }
      worst = std::max(worst, std::abs(sum - product[static_cast<std::size_t>(i * g + to)]));
    }
  }
  return worst / size;
}

void check_whole(const VelocityField& field) {
  const Matrix v = field_velocity(field, cells().x);
  const auto again = restore_field(field.bytes(), "bytes");
  CHECK(again->kind() == field.kind());
  CHECK(field_velocity(*again, cells().x).values == v.values);
  CHECK(field_support(*again, cells().x) == field_support(field, cells().x));
  CHECK(field_divergence(*again, cells().x) == field_divergence(field, cells().x));
  CHECK(again->statistics().mean_velocity == field.statistics().mean_velocity);
  CHECK(again->bytes() == field.bytes());

  // A state's answer does not depend on those beside it.
  const auto workspace = field.workspace();
  std::vector<double> x(static_cast<std::size_t>(field.genes())), one(x);
  for (const std::int64_t i : {0, 31, 77}) {
    for (std::int64_t g = 0; g < field.genes(); ++g) x[static_cast<std::size_t>(g)] = cells().x(i, g);
    field.evaluate(1, x.data(), one.data(), *workspace);
    for (std::int64_t g = 0; g < field.genes(); ++g) CHECK(one[static_cast<std::size_t>(g)] == v(i, g));
  }
}

}  // namespace

TEST_CASE("velocity fields of every kind have exact derivatives and come back from their bytes",
          "[field_fit]") {
  for (const std::string& kind : kKinds) {
    INFO(kind);
    const FieldFit made = fit(cells().data(), small(kind));
    CHECK(made.field->kind() == kind);
    CHECK(derivative_error(*made.field) < (kind == "knn" ? 1e-9 : 1e-6));
    check_whole(*made.field);
  }
}

TEST_CASE("networks see components, logarithms or counts, a covariate and each activation", "[field_fit]") {
  for (const char* input : {"components", "log1p", "raw"}) {
    for (const char* activation : {"silu", "tanh", "softplus"}) {
      INFO(input << " " << activation);
      FieldOptions o = small("vae");
      o.input = input;
      o.activation = activation;
      CHECK(derivative_error(*fit(cells().data(), o).field) < 1e-6);
    }
  }
  FieldOptions noisy = small("vae");
  noisy.input = "log1p";
  noisy.noise = "both";
  check_whole(*fit(cells().data(), noisy).field);

  FieldData data = cells().data();
  for (std::int64_t i = 0; i < data.x.rows; ++i) data.batch.push_back(i % 3);
  const FieldFit batches = fit(data, small("vae"));
  CHECK(derivative_error(*batches.field) < 1e-6);
  check_whole(*batches.field);

  FieldOptions genes = small("sparsevfc");
  genes.vfc_space = "genes";
  const FieldFit wide = fit(cells().data(), genes);
  CHECK(derivative_error(*wide.field) < 1e-6);
  check_whole(*wide.field);
}

TEST_CASE("embeddings change as their derivatives say", "[field_fit]") {
  for (const char* kind : {"vae", "ae"}) {
    const FieldFit made = fit(cells().data(), small(kind));
    const auto& net = dynamic_cast<const NetworkField&>(*made.field);
    CHECK(net.embedding_units() == 6);
    constexpr double kStep = 1e-5;
    const std::vector<double> x = some_states(3);
    std::vector<double> delta, up(x), down(x), above(18), below(18), product(18);
    for (std::size_t i = 0; i < x.size(); ++i) {
      delta.push_back(std::cos(static_cast<double>(i)));
      up[i] += kStep * delta[i];
      down[i] -= kStep * delta[i];
    }
    const auto workspace = net.workspace();
    net.embed(3, up.data(), above.data(), *workspace);
    net.embed(3, down.data(), below.data(), *workspace);
    net.jvp_embedding(3, x.data(), delta.data(), product.data(), *workspace);
    for (std::size_t k = 0; k < product.size(); ++k) {
      const double slope = (above[k] - below[k]) / (2.0 * kStep);
      CHECK(std::abs(slope - product[k]) < 1e-6 * (1.0 + std::abs(slope)));
    }
  }
}

TEST_CASE("a field is the same bytes on one and two threads, and another with another seed",
          "[field_fit][identity]") {
  for (const std::string& kind : kKinds) {
    INFO(kind);
    const auto on = [&](int n, std::uint64_t seed) {
      const ThreadScope scope(n);
      return fit(cells().data(), small(kind), seed).field->bytes();
    };
    CHECK(on(1, 3) == on(2, 3));
    if (kind == "vae") CHECK(on(1, 3) != on(1, 4));
  }
}

TEST_CASE("support is below one among the cells and far above it away from them", "[field_fit]") {
  const FieldData data = cells().data();
  const FieldFit made = fit(data, small("pca"));
  const std::vector<double> inside = field_support(*made.field, cells().x);
  double covered = 0.0, held_out = 0.0, tested = 0.0;
  for (std::size_t i = 0; i < inside.size(); ++i) {
    const bool known = data.part[i] == Part::Train;
    (known ? covered : held_out) += inside[i] <= 1.0;
    tested += !known;
  }
  CHECK(covered > 0.97 * (static_cast<double>(inside.size()) - tested));
  CHECK(held_out > 0.9 * tested);

  Matrix far = take_rows(cells().x, {0, 1, 2});
  for (std::int64_t g = 0; g < far.cols; ++g) {
    far(0, g) *= 20.0;
    far(1, g) = -3.0;
    far(2, g) = g % 2 == 0 ? 30.0 : 0.0;
  }
  for (double s : field_support(*made.field, far)) CHECK(s > 2.0);
}

TEST_CASE("parts are shares of the cells, or whole groups", "[field_fit]") {
  const auto count = [](const std::vector<Part>& parts, Part p) {
    return std::count(parts.begin(), parts.end(), p);
  };
  const std::vector<Part> by_cell = field_parts(205, {}, 0.1, 0.2, 1);
  CHECK(count(by_cell, Part::Validation) == 20);
  CHECK(count(by_cell, Part::Test) == 41);
  CHECK((by_cell == field_parts(205, {}, 0.1, 0.2, 1)));
  CHECK((by_cell != field_parts(205, {}, 0.1, 0.2, 2)));

  std::vector<std::int64_t> group;
  for (std::int64_t i = 0; i < 200; ++i) group.push_back(i / 40);
  const std::vector<Part> by_group = field_parts(200, group, 0.1, 0.3, 1);
  for (std::size_t i = 1; i < 200; ++i) {
    if (group[i] == group[i - 1]) CHECK((by_group[i] == by_group[i - 1]));
  }
  CHECK(count(by_group, Part::Test) == 80);
  CHECK(count(by_group, Part::Validation) == 40);
  CHECK_THROWS_AS(field_parts(200, std::vector<std::int64_t>(200, 1), 0.1, 0.0, 1), Error);
  CHECK_THROWS_AS(field_parts(200, {}, 0.5, 0.5, 1), Error);
  CHECK(count(field_parts(200, {}, 0.0, 0.0, 1), Part::Train) == 200);
}

TEST_CASE("a field says what it cannot be fitted to", "[field_fit]") {
  const auto refused = [](const char* argument, const FieldData& data, const FieldOptions& o) {
    try {
      fit(data, o);
      CHECK(false);
    } catch (const Error& e) {
      CHECK(e.kind() == ErrorKind::Input);
      CHECK(e.argument() == argument);
    }
  };
  const FieldData data = cells().data();
  Matrix constant = cells().y, hole = cells().y, narrow(300, 39);
  std::fill(constant.values.begin(), constant.values.end(), 0.5);
  hole(3, 4) = std::numeric_limits<double>::quiet_NaN();
  for (const std::string& kind : {"vae", "ridge", "mean"}) {
    refused("velocity", {cells().x, constant, data.part, {}}, small(kind));
    refused("velocity", {cells().x, hole, data.part, {}}, small(kind));
    refused("velocity", {cells().x, narrow, data.part, {}}, small(kind));
    refused("x", {hole, cells().y, data.part, {}}, small(kind));
    refused("x", {constant, cells().y, data.part, {}}, small(kind));
  }
  std::vector<Part> few(300, Part::Test);
  std::fill(few.begin(), few.begin() + 10, Part::Train);
  refused("x", {cells().x, cells().y, few, {}}, small("mean"));
  const auto option = [&](const char* argument, auto change) {
    FieldOptions o = small("vae");
    change(o);
    refused(argument, data, o);
  };
  option("field", [](FieldOptions& o) { o.field = "gan"; });
  option("input", [](FieldOptions& o) { o.input = "pca"; });
  option("noise", [](FieldOptions& o) { o.noise = "dropout"; });
  option("activation", [](FieldOptions& o) { o.activation = "gelu"; });
  option("latent", [](FieldOptions& o) { o.latent = 0; });
  option("encoder", [](FieldOptions& o) { o.encoder = {}; });
  option("kl.weight", [](FieldOptions& o) { o.kl_weight = -1.0; });
  option("learning.rate", [](FieldOptions& o) { o.learning_rate = 0.0; });
  option("ridge.lambda", [](FieldOptions& o) { o.ridge_lambda = -1.0; });
  FieldOptions blind = small("ridge");
  refused("ridge.lambda", cells().data(1, 0.0), blind);
}

TEST_CASE("bytes that hold no sound field are refused", "[field_fit]") {
  const auto kind_of = [](const std::string& bytes) {
    try {
      restore_field(bytes, "bytes");
    } catch (const Error& e) {
      return static_cast<int>(e.kind());
    }
    return -1;
  };
  CHECK(kind_of("not an archive") == static_cast<int>(ErrorKind::File));
  Archive empty;
  empty.put("something", "else");
  CHECK(kind_of(empty.bytes()) == static_cast<int>(ErrorKind::Model));
  for (const char* kind : {"vae", "sparsevfc", "knn", "ridge"}) {
    const Archive whole = Archive::parse(fit(cells().data(), small(kind)).field->bytes(), "bytes");
    for (const std::string& lost : whole.names()) {
      if (lost == "field.kind") continue;
      // Each entry in turn is another one of its kind.
      Archive damaged;
      for (const std::string& name : whole.names()) {
        if (whole.has_text(name)) {
          damaged.put(name, whole.text(name));
        } else if (name == lost) {
          damaged.put(name, {1.0, 2.0, 3.0}, {3, 1});
        } else {
          damaged.put(name, whole.numbers(name).values, whole.numbers(name).shape);
        }
      }
      INFO(kind << " " << lost);
      CHECK(kind_of(damaged.bytes()) == static_cast<int>(ErrorKind::Model));
    }
  }
}
