// Takes cells, options and a seed; fits the kind of field that is asked for.
#include "field/train/fit.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/eigen_products.hpp"
#include "base/eigen_threads.hpp"
#include "base/error.hpp"
#include "field/model/knn.hpp"
#include "field/model/linear.hpp"
#include "field/model/sparse_vfc.hpp"

namespace fatefield {
namespace {

using Dense = Eigen::MatrixXd;
using View = Eigen::Map<const Dense>;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
// Directions of less variance than this, relative to the first, are left out of least squares.
constexpr double kRank = 1e-10;
constexpr double kLeastPenalty = 1e-4, kMostPenalty = 1e3;
constexpr int kPenalties = 29;
// Below these a network says the same of every cell.
constexpr double kLeastDivergence = 0.1, kLeastSpread = 0.05;

View view(const Matrix& x) { return View(x.values.data(), x.rows, x.cols); }
View view(const MatrixView& x) { return View(x.data, x.rows, x.cols); }

Matrix from_eigen(const Dense& x) {
  Matrix out(x.rows(), x.cols());
  std::copy(x.data(), x.data() + x.size(), out.values.begin());
  return out;
}

// Least squares of y on a with a penalty, for many penalties after one decomposition.
class Regression {
 public:
  Regression(const Dense& a, const Dense& y, bool intercept) {
    const auto n = static_cast<double>(a.rows());
    centre_ = Eigen::RowVectorXd::Zero(a.cols());
    level_ = Eigen::RowVectorXd::Zero(y.cols());
    Dense inner = cross_product(a, a) / n, outer = cross_product(a, y) / n;
    if (intercept) {
      centre_ = a.colwise().mean();
      level_ = y.colwise().mean();
      inner -= centre_.transpose() * centre_;
      outer -= centre_.transpose() * level_;
    }
    const Eigen::SelfAdjointEigenSolver<Dense> solver(inner);
    values_ = solver.eigenvalues();
    vectors_ = solver.eigenvectors();
    rotated_ = cross_product(vectors_, outer);
  }

  /// Mean variance of the inputs, the unit of penalties.
  double unit() const { return values_.mean(); }
  /// inputs x outputs
  Dense weights(double penalty) const {
    const double least = kRank * values_.maxCoeff();
    Eigen::VectorXd inverse = values_;
    for (Eigen::Index k = 0; k < inverse.size(); ++k) {
      const double v = values_(k);
      inverse(k) = v > least || penalty > 0.0 ? 1.0 / (std::max(v, 0.0) + penalty) : 0.0;
    }
    return vectors_ * (inverse.asDiagonal() * rotated_);
  }
  Eigen::RowVectorXd intercept(const Dense& weights) const { return level_ - centre_ * weights; }

 private:
  Eigen::RowVectorXd centre_, level_;
  Eigen::VectorXd values_;
  Dense vectors_, rotated_;
};

struct Linear {
  Dense weights;
  Eigen::RowVectorXd intercept;
};

// The penalty whose predictions are nearest to the velocities of the held-out cells.
double choose_penalty(const Regression& r, const Dense& x, const Dense& y) {
  double best = kNone, least = std::numeric_limits<double>::infinity();
  for (int k = 0; k < kPenalties; ++k) {
    const double penalty = r.unit() * kLeastPenalty *
                           std::pow(kMostPenalty / kLeastPenalty, static_cast<double>(k) / (kPenalties - 1));
    const Dense w = r.weights(penalty);
    const double error = ((x * w).rowwise() + r.intercept(w) - y).squaredNorm();
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
  const Regression regression(view(inputs(Part::Train)), view(y), o.field != "linear");
  double penalty = ridge ? o.ridge_lambda * regression.unit() : 0.0;
  if (ridge && penalty == 0.0) {
    const std::vector<std::int64_t> held_out = cells_of(data, Part::Validation);
    if (held_out.empty()) {
      throw input_error("ridge.lambda",
                        "`ridge.lambda` must be a positive number where no cells are held out to "
                        "choose it by.");
    }
    penalty = choose_penalty(regression, view(inputs(Part::Validation)), view(take_rows(data.y, held_out)));
  }
  if (ridge) out.report.chosen = penalty / regression.unit();
  const Dense weights = regression.weights(penalty);
  const Eigen::RowVectorXd level = regression.intercept(weights);
  out.field = make_linear_field(
      o.field, std::move(base), components ? LinearInput::Components : LinearInput::State,
      from_eigen(weights.transpose()), std::vector<double>(level.data(), level.data() + level.size()));
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
    const Eigen::RowVectorXd mean = view(m).colwise().mean();
    return (view(m).rowwise() - mean).squaredNorm();
  };
  return std::sqrt(variance(field_velocity(field, x)) / variance(y));
}

FieldFit fit_field(const FieldData& data, const FieldOptions& options, const SparseVfcOptions& vfc,
                   std::uint64_t seed, const FieldTick& tick, const std::function<bool()>& keep_going) {
  check_field_data(data, options);
  FieldFoundation base = make_foundation(data, options, seed);
  const std::string& kind = options.field;
  const bool network = kind == "vae" || kind == "ae" || kind == "mlp";
  FieldFit out;
  if (network) {
    out = fit_field_network(data, std::move(base), options, seed, tick, keep_going);
  } else if (kind == "sparsevfc") {
    out = fit_vfc(data, std::move(base), options, vfc, seed);
  } else if (kind == "knn") {
    out = fit_knn(data, std::move(base), options);
  } else {
    out = fit_linear(data, std::move(base), options);
  }
  if (!network) out.report.kl = kNone;
  if (kind != "ridge") out.report.chosen = kNone;
  const std::vector<std::int64_t> cells = cells_of(data, Part::Train);
  out.report.spread = field_spread(*out.field, take_rows(data.x, cells), take_rows(data.y, cells));
  if (network) stop_if_collapsed(out.report, options);
  return out;
}

}  // namespace fatefield
