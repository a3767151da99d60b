// Takes states; gives their scores among principal components and their distance to known cells.
#include "field/model/space.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "base/error.hpp"
#include "base/sampling.hpp"
#include "base/soft_log.hpp"
#include "base/threads.hpp"

namespace fatefield {
namespace {

constexpr std::int64_t kCalibrated = 2000;
constexpr double kCovered = 0.99;
constexpr std::int64_t kRowBlock = 256;
// 256 MB of doubles.
constexpr std::int64_t kKeptLogarithms = std::int64_t{1} << 25;

double quantile(std::vector<double> values, double q) {
  const auto at = static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

// A length that others are measured in: a set of identical cells has none.
double unit_of(double length) { return length > 0.0 ? length : 1.0; }

}  // namespace

double soft_log(double x) { return x >= 0.0 ? std::log1p(x) : x; }
double soft_log_slope(double x) { return x >= 0.0 ? 1.0 / (1.0 + x) : 1.0; }

namespace {

// The logarithms of x: kept where they fit into kKeptLogarithms, else made anew for each product.
class Logarithms {
 public:
  explicit Logarithms(const MatrixView& x) : x_(x) {
    if (x.rows * x.cols > kKeptLogarithms) return;
    kept_ = std::make_shared<Matrix>(x.rows, x.cols);
    parallel_for(x.cols, [&](std::int64_t j) {
      for (std::int64_t i = 0; i < x.rows; ++i) (*kept_)(i, j) = soft_log(x(i, j));
    });
  }

  std::int64_t rows() const { return x_.rows; }
  std::int64_t cols() const { return x_.cols; }
  double operator()(std::int64_t i, std::int64_t j) const {
    return kept_ ? (*kept_)(i, j) : soft_log(x_(i, j));
  }

 private:
  MatrixView x_;
  std::shared_ptr<Matrix> kept_;
};

// out = a b of `rows` rows and `inner` columns of a, whose entries `value` gives, in blocks of rows.
template <typename Value>
void product_of(std::int64_t rows, std::int64_t inner, std::int64_t block_rows, const Value& value,
                const Matrix& b, Matrix& out) {
  Matrix weights(b.cols, b.rows);
  for (std::int64_t i = 0; i < b.rows; ++i) {
    for (std::int64_t k = 0; k < b.cols; ++k) weights(k, i) = b(i, k);
  }
  const PackedLayer<double> layer = pack(weights, nullptr);
  parallel_for((rows + block_rows - 1) / block_rows, [&](std::int64_t block) {
    const std::int64_t first = block * block_rows, n = std::min(block_rows, rows - first);
    const std::int64_t lda = leading<double>(inner);
    Aligned<double> a(static_cast<std::size_t>(n * lda)), c(static_cast<std::size_t>(n * layer.stride()));
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < inner; ++j) a[static_cast<std::size_t>(i * lda + j)] = value(first + i, j);
    }
    layer.tangent(n, a.data(), lda, c.data());
    for (std::int64_t k = 0; k < b.cols; ++k) {
      for (std::int64_t i = 0; i < n; ++i)
        out(first + i, k) = c[static_cast<std::size_t>(i * layer.stride() + k)];
    }
  });
}

}  // namespace

LinearMap logarithms(const MatrixView& x) {
  LinearMap a;
  a.rows = x.rows;
  a.cols = x.cols;
  a.column_means.resize(static_cast<std::size_t>(x.cols));
  const Logarithms logs(x);
  parallel_for(x.cols, [&](std::int64_t j) {
    double sum = 0.0;
    for (std::int64_t i = 0; i < x.rows; ++i) sum += logs(i, j);
    a.column_means[static_cast<std::size_t>(j)] = sum / static_cast<double>(x.rows);
  });
  a.times = [logs](const Matrix& b, Matrix& out) {
    product_of(logs.rows(), logs.cols(), kRowBlock, logs, b, out);
  };
  a.transposed = [logs](const Matrix& b, Matrix& out) {
    const auto turned = [&](std::int64_t g, std::int64_t i) { return logs(i, g); };
    product_of(logs.cols(), logs.rows(), kFieldRows, turned, b, out);
  };
  return a;
}

StateSpace::StateSpace(const PrincipalAxes& axes) : centre_(axes.centre), rotation_(axes.rotation) {
  Matrix weights(dims(), genes());
  std::vector<double> shift(static_cast<std::size_t>(dims()), 0.0);
  for (std::int64_t g = 0; g < genes(); ++g) {
    for (std::int64_t k = 0; k < dims(); ++k) {
      weights(k, g) = rotation_(g, k);
      shift[static_cast<std::size_t>(k)] -= rotation_(g, k) * centre_[static_cast<std::size_t>(g)];
    }
  }
  scores_ = pack(weights, shift.data());
}

StateSpace::StateSpace(const Archive& archive, const std::string& prefix) {
  const Archive::Numbers& rotation = archive.numbers(prefix + "rotation");
  const Archive::Numbers& centre = archive.numbers(prefix + "centre");
  if (rotation.shape.size() != 2 || static_cast<std::int64_t>(centre.values.size()) != rotation.shape[0]) {
    throw model_error("The components kept with the velocity field have no shape that fits.");
  }
  PrincipalAxes axes;
  axes.centre = centre.values;
  axes.rotation = Matrix(rotation.shape[0], rotation.shape[1]);
  axes.rotation.values = rotation.values;
  *this = StateSpace(axes);
}

void StateSpace::put(Archive& archive, const std::string& prefix) const {
  archive.put(prefix + "rotation", rotation_.values, {genes(), dims()});
  archive.put(prefix + "centre", centre_, {genes()});
}

void StateSpace::scores(std::int64_t n, const double* x, double* z, double* rest, double* workspace) const {
  const std::int64_t g = genes(), lda = this->workspace();
  for (std::int64_t i = 0; i < n; ++i) {
    soft_logs(g, x + i * g, workspace + i * lda);
  }
  scores_.forward(n, workspace, lda, z);
  if (rest == nullptr) return;
  for (std::int64_t i = 0; i < n; ++i) {
    double whole = 0.0, within = 0.0;
    for (std::int64_t j = 0; j < g; ++j) {
      const double d = workspace[i * lda + j] - centre_[static_cast<std::size_t>(j)];
      whole += d * d;
    }
    for (std::int64_t k = 0; k < dims(); ++k) within += z[i * stride() + k] * z[i * stride() + k];
    rest[i] = std::max(0.0, whole - within);
  }
}

void StateSpace::jvp(std::int64_t n, const double* x, const double* delta, double* dz,
                     double* workspace) const {
  const std::int64_t g = genes(), lda = this->workspace();
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < g; ++j)
      workspace[i * lda + j] = soft_log_slope(x[i * g + j]) * delta[i * g + j];
  }
  scores_.tangent(n, workspace, lda, dz);
}

Matrix StateSpace::slopes(const double* x) const {
  Matrix out(dims(), genes());
  for (std::int64_t g = 0; g < genes(); ++g) {
    const double slope = soft_log_slope(x[g]);
    for (std::int64_t k = 0; k < dims(); ++k) out(k, g) = slope * rotation_(g, k);
  }
  return out;
}

Matrix state_scores(const StateSpace& space, const MatrixView& x) {
  Matrix out(x.rows, space.dims());
  parallel_for((x.rows + kFieldRows - 1) / kFieldRows, [&](std::int64_t block) {
    const std::int64_t first = block * kFieldRows, n = std::min(kFieldRows, x.rows - first);
    std::vector<double> states(static_cast<std::size_t>(n * x.cols));
    Aligned<double> z(static_cast<std::size_t>(n * space.stride())),
        workspace(static_cast<std::size_t>(n * space.workspace()));
    for (std::int64_t g = 0; g < x.cols; ++g) {
      for (std::int64_t i = 0; i < n; ++i) states[static_cast<std::size_t>(i * x.cols + g)] = x(first + i, g);
    }
    space.scores(n, states.data(), z.data(), nullptr, workspace.data());
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t k = 0; k < space.dims(); ++k)
        out(first + i, k) = z[static_cast<std::size_t>(i * space.stride() + k)];
    }
  });
  return out;
}

FieldSupport::FieldSupport(StateSpace space, const MatrixView& x, const SupportOptions& options,
                           std::uint64_t seed)
    : space_(std::move(space)) {
  const Matrix all = state_scores(space_, x);
  std::vector<std::int64_t> kept =
      draw_without_replacement(x.rows, std::min(x.rows, options.cells), seed, Stream::Bootstrap, 0);
  std::sort(kept.begin(), kept.end());
  landmarks_ = Matrix(static_cast<std::int64_t>(kept.size()), space_.dims());
  std::vector<std::int32_t> number(static_cast<std::size_t>(x.rows), -1);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    number[static_cast<std::size_t>(kept[i])] = static_cast<std::int32_t>(i);
    for (std::int64_t k = 0; k < space_.dims(); ++k)
      landmarks_(static_cast<std::int64_t>(i), k) = all(kept[i], k);
  }
  neighbours_ = std::min(options.neighbours, landmarks_.rows - 1);
  index_landmarks();

  // Cells at even steps say what is usual; a landmark does not count as its own neighbour.
  const std::int64_t sampled = std::min(x.rows, kCalibrated);
  std::vector<double> far(static_cast<std::size_t>(sampled)), off(far);
  parallel_for(sampled, [&](std::int64_t c) {
    const std::int64_t cell = c * x.rows / sampled;
    FieldMemory memory;
    const std::size_t part = reserve(memory);
    std::vector<double> state(static_cast<std::size_t>(x.cols));
    for (std::int64_t g = 0; g < x.cols; ++g) state[static_cast<std::size_t>(g)] = x(cell, g);
    double rest = 0.0;
    space_.scores(1, state.data(), memory.at(part), &rest, memory.at(part + 1));
    distances(1, memory.at(part), &number[static_cast<std::size_t>(cell)], &far[static_cast<std::size_t>(c)],
              memory);
    off[static_cast<std::size_t>(c)] = std::sqrt(rest);
  });
  near_ = unit_of(quantile(far, kCovered));
  off_ = unit_of(quantile(off, kCovered));
  std::vector<double> both(far.size());
  for (std::size_t c = 0; c < both.size(); ++c) both[c] = std::max(far[c] / near_, off[c] / off_);
  unit_ = unit_of(quantile(both, kCovered));
}

FieldSupport::FieldSupport(const Archive& archive, const std::string& prefix) : space_(archive, prefix) {
  const Archive::Numbers& landmarks = archive.numbers(prefix + "landmarks");
  const std::vector<double>& units = archive.numbers(prefix + "units").values;
  if (landmarks.shape.size() != 2 || landmarks.shape[1] != space_.dims() || landmarks.shape[0] < 2 ||
      units.size() != 4 || units[0] < 1.0 || units[0] > static_cast<double>(landmarks.shape[0])) {
    throw model_error("The support kept with the velocity field does not fit its components.");
  }
  landmarks_ = Matrix(landmarks.shape[0], landmarks.shape[1]);
  landmarks_.values = landmarks.values;
  neighbours_ = static_cast<std::int64_t>(units[0]);
  near_ = units[1];
  off_ = units[2];
  unit_ = units[3];
  index_landmarks();
}

void FieldSupport::put(Archive& archive, const std::string& prefix) const {
  space_.put(archive, prefix);
  archive.put(prefix + "landmarks", landmarks_.values, {landmarks_.rows, landmarks_.cols});
  archive.put(prefix + "units", {static_cast<double>(neighbours_), near_, off_, unit_}, {4});
}

void FieldSupport::index_landmarks() {
  KnnOptions exact;
  exact.method = "brute";
  index_ = std::make_shared<const NeighbourIndex>(landmarks_, exact);
}

std::size_t FieldSupport::reserve(FieldMemory& memory) const {
  const std::size_t first = memory.part.size();
  memory.part.emplace_back(static_cast<std::size_t>(kFieldRows * space_.stride()));
  memory.part.emplace_back(static_cast<std::size_t>(kFieldRows * space_.workspace()));
  memory.part.emplace_back(static_cast<std::size_t>(kFieldRows));
  memory.point.resize(std::max(memory.point.size(), static_cast<std::size_t>(kFieldRows * space_.dims())));
  memory.near.resize(std::max(memory.near.size(), static_cast<std::size_t>(kFieldRows * neighbours_)));
  return first;
}

void FieldSupport::distances(std::int64_t n, const double* z, const std::int32_t* skip, double* out,
                             FieldMemory& memory) const {
  const std::int64_t d = space_.dims();
  for (std::int64_t i = 0; i < n; ++i)
    index_->centre({z + i * space_.stride(), 1, d}, 0, memory.point.data() + i * d);
  index_->search_many(memory.point.data(), n, neighbours_, skip, memory.near.data());
  for (std::int64_t i = 0; i < n; ++i) {
    double sum = 0.0;
    for (std::int64_t k = 0; k < neighbours_; ++k) {
      const float squared = memory.near[static_cast<std::size_t>(i * neighbours_ + k)].squared;
      sum += std::sqrt(static_cast<double>(std::max(0.0f, squared)));
    }
    out[i] = sum / static_cast<double>(neighbours_);
  }
}

void FieldSupport::score(std::int64_t n, const double* x, double* out, FieldMemory& memory,
                         std::size_t part) const {
  double *z = memory.at(part), *rest = memory.at(part + 2);
  space_.scores(n, x, z, rest, memory.at(part + 1));
  std::int32_t none[kFieldRows];
  std::fill(none, none + n, -1);
  distances(n, z, none, out, memory);
  for (std::int64_t i = 0; i < n; ++i) out[i] = std::max(out[i] / near_, std::sqrt(rest[i]) / off_) / unit_;
}

}  // namespace fatefield
