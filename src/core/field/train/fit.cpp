// Takes cells, options and a seed; fits the kind of field that is asked for.
#include "field/train/fit.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/eigen_threads.hpp"
#include "base/error.hpp"
#include "base/linear_algebra.hpp"
#include "field/model/kinds.hpp"
#include "field/model/knn.hpp"
#include "field/model/linear.hpp"
#include "field/model/sparse_vfc.hpp"

namespace fatefield {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
// Directions of less variance than this, relative to the first, are left out of least squares.
constexpr double kRank = 1e-10;
constexpr double kLeastPenalty = 1e-4, kMostPenalty = 1e3;
constexpr int kPenalties = 29;
// Below these a network says the same of every cell.
constexpr double kLeastDivergence = 0.1, kLeastSpread = 0.05;

// a' b / n, less the product of the means where there are some.
Matrix mean_product(MatrixView a, MatrixView b, const std::vector<double>& a_mean,
                    const std::vector<double>& b_mean) {
  Matrix out = cross_product(a, b);
  for (std::int64_t j = 0; j < out.cols; ++j)
    for (std::int64_t i = 0; i < out.rows; ++i) {
      out(i, j) /= static_cast<double>(a.rows);
      out(i, j) -= a_mean[i] * b_mean[j];
    }
  return out;
}

// Least squares of y on a with a penalty, for many penalties after one decomposition.
class Regression {
 public:
  Regression(const Matrix& a, const Matrix& y, bool intercept)
      : centre_(intercept ? column_means(a) : std::vector<double>(static_cast<std::size_t>(a.cols), 0.0)),
        level_(intercept ? column_means(y) : std::vector<double>(static_cast<std::size_t>(y.cols), 0.0)),
        inner_(symmetric_eigen(mean_product(a, a, centre_, centre_))),
        rotated_(cross_product(inner_.vectors, mean_product(a, y, centre_, level_))) {}

  /// Mean variance of the inputs, the unit of penalties.
  double unit() const { return mean(inner_.values.data(), inner_.vectors.rows); }
  /// inputs x outputs
  Matrix weights(double penalty) const {
    const double least = kRank * *std::max_element(inner_.values.begin(), inner_.values.end());
    std::vector<double> inverse = inner_.values;
    for (double& v : inverse) v = v > least || penalty > 0.0 ? 1.0 / (std::max(v, 0.0) + penalty) : 0.0;
    Matrix shrunk = rotated_;
    for (std::int64_t j = 0; j < shrunk.cols; ++j)
      for (std::int64_t k = 0; k < shrunk.rows; ++k) shrunk(k, j) *= inverse[k];
    return product(inner_.vectors, shrunk);
  }
  std::vector<double> intercept(const Matrix& weights) const {
    std::vector<double> out = row_product(centre_.data(), weights);
    for (std::size_t j = 0; j < out.size(); ++j) out[j] = level_[j] - out[j];
    return out;
  }

 private:
  std::vector<double> centre_, level_;
  SymmetricEigen inner_;
  Matrix rotated_;
};

// The penalty whose predictions are nearest to the velocities of the held-out cells.
double choose_penalty(const Regression& r, const Matrix& x, const Matrix& y) {
  double best = kNone, least = std::numeric_limits<double>::infinity();
  for (int k = 0; k < kPenalties; ++k) {
    const double penalty = r.unit() * kLeastPenalty *
                           std::pow(kMostPenalty / kLeastPenalty, static_cast<double>(k) / (kPenalties - 1));
    const Matrix w = r.weights(penalty), guess = product(x, w);
    const std::vector<double> level = r.intercept(w);
    double error = 0.0;
    for (std::int64_t j = 0; j < y.cols; ++j)
      for (std::int64_t i = 0; i < y.rows; ++i) {
        const double off = guess(i, j) + level[j] - y(i, j);
        error += off * off;
      }
    if (error < least) {
      least = error;
      best = penalty;
    }
  }
  return best;
}

FieldFit fit_linear(const FieldData& data, FieldFoundation base, const FieldOptions& o) {
  FieldFit out;
  const Matrix y = take_rows(data.y, cells_of(data, Part::Train));
  if (o.field == "mean") {
    const std::vector<double> mean = base.statistics.mean_velocity;
    out.field =
        make_linear_field("mean", std::move(base), LinearInput::Nothing, Matrix(data.x.cols, 0), mean);
    return out;
  }
  const OneEigenThread one;
  const bool components = o.field == "pca", ridge = o.field == "ridge";
  const auto inputs = [&](Part part) {
    const Matrix x = take_rows(data.x, cells_of(data, part));
    return components ? state_scores(base.support.space(), x) : x;
  };
  const Regression regression(inputs(Part::Train), y, o.field != "linear");
  double penalty = ridge ? o.ridge_lambda * regression.unit() : 0.0;
  if (ridge && penalty == 0.0) {
    const std::vector<std::int64_t> held_out = cells_of(data, Part::Validation);
    if (held_out.empty()) {
      throw input_error("ridge.lambda",
                        "`ridge.lambda` must be a positive number where no cells are held out to "
                        "choose it by.");
    }
    penalty = choose_penalty(regression, inputs(Part::Validation), take_rows(data.y, held_out));
  }
  if (ridge) out.report.chosen = penalty / regression.unit();
  const Matrix weights = regression.weights(penalty);
  Matrix turned(weights.cols, weights.rows);
  for (std::int64_t j = 0; j < turned.cols; ++j)
    for (std::int64_t i = 0; i < turned.rows; ++i) turned(i, j) = weights(j, i);
  out.field =
      make_linear_field(o.field, std::move(base), components ? LinearInput::Components : LinearInput::State,
                        std::move(turned), regression.intercept(weights));
  return out;
}

FieldFit fit_vfc(const FieldData& data, FieldFoundation base, const FieldOptions& o,
                 const SparseVfcOptions& vfc, std::uint64_t seed) {
  const std::vector<std::int64_t> cells = cells_of(data, Part::Train);
  const Matrix x = take_rows(data.x, cells), y = take_rows(data.y, cells);
  const VfcSpace where = o.vfc_space == "components" ? VfcSpace::Components : VfcSpace::States;
  const Matrix points = where == VfcSpace::Components ? state_scores(base.support.space(), x) : x;
  FieldFit out;
  out.field = make_sparse_vfc_field(std::move(base), where, fit_sparse_vfc(points, y, vfc, seed));
  return out;
}

FieldFit fit_knn(const FieldData& data, FieldFoundation base, const FieldOptions& o) {
  const std::vector<std::int64_t> cells = cells_of(data, Part::Train);
  const Matrix scores = state_scores(base.support.space(), take_rows(data.x, cells));
  Matrix velocities(data.y.cols, scores.rows);
  for (std::int64_t j = 0; j < data.y.cols; ++j) {
    for (std::size_t i = 0; i < cells.size(); ++i)
      velocities(j, static_cast<std::int64_t>(i)) = data.y(cells[i], j);
  }
  const std::int64_t k = std::min(o.neighbours, scores.rows);
  FieldFit out;
  out.field = make_knn_field(std::move(base), scores, std::move(velocities), k);
  return out;
}

void stop_if_collapsed(const FieldReport& r, const FieldOptions& o) {
  const bool silent = r.kl < kLeastDivergence, flat = r.spread < kLeastSpread;
  if ((!silent && !flat) || o.compat == "deepvelo" || r.ended == "interrupted") return;
  throw numeric_error(std::string(flat ? "The velocities of the field hardly differ between cells"
                                       : "The latent units of the field say nothing of the cells") +
                      ": it has collapsed. Take a smaller `kl.weight` or more `epochs`; where linear fields "
                      "do no better than the "
                      "mean velocity (see ScoreVelocityField()), velocities do not follow from states.");
}

}  // namespace

double field_spread(const VelocityField& field, const MatrixView& x, const MatrixView& y) {
  const auto variance = [](const MatrixView& m) {
    const std::vector<double> centre = column_means(m);
    double out = 0.0;
    for (std::int64_t j = 0; j < m.cols; ++j)
      for (std::int64_t i = 0; i < m.rows; ++i) out += (m(i, j) - centre[j]) * (m(i, j) - centre[j]);
    return out;
  };
  return std::sqrt(variance(field_velocity(field, x)) / variance(y));
}

FieldFit fit_field(const FieldData& data, const FieldOptions& options, const SparseVfcOptions& vfc,
                   std::uint64_t seed, const FieldTick& tick, const std::function<bool()>& keep_going) {
  check_field_data(data, options);
  FieldFoundation base = make_foundation(data, options, seed);
  const FieldKind& kind = field_kind(options.field);
  FieldFit out;
  switch (kind.family) {
    case FieldFamily::Network:
      out = fit_field_network(data, std::move(base), options, seed, tick, keep_going);
      break;
    case FieldFamily::SparseVfc:
      out = fit_vfc(data, std::move(base), options, vfc, seed);
      break;
    case FieldFamily::Knn:
      out = fit_knn(data, std::move(base), options);
      break;
    case FieldFamily::Linear:
      out = fit_linear(data, std::move(base), options);
  }
  if (!kind.network()) out.report.kl = kNone;
  if (options.field != "ridge") out.report.chosen = kNone;
  const std::vector<std::int64_t> cells = cells_of(data, Part::Train);
  out.report.spread = field_spread(*out.field, take_rows(data.x, cells), take_rows(data.y, cells));
  if (kind.network()) stop_if_collapsed(out.report, options);
  return out;
}

}  // namespace fatefield
