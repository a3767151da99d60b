// Velocity fields between R and the core: data and reports of a fit, and embeddings by a field's network.
#pragma once

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "core/field/model/network.hpp"
#include "core/field/train/fit.hpp"
#include "glue.hpp"

namespace fatefield {
namespace glue {

/// `part`: 0 training, 1 validation, 2 test; `batch`: codes from 0, or empty.
inline FieldData field_data(const Rcpp::NumericMatrix& x, const Rcpp::NumericMatrix& velocity,
                            const Rcpp::IntegerVector& part, const Rcpp::NumericVector& batch) {
  FieldData out{view(x), view(velocity), {}, {}};
  for (int p : part) out.part.push_back(static_cast<Part>(p));
  for (double b : batch) out.batch.push_back(static_cast<std::int64_t>(b));
  return out;
}

/// Calls the R function tick(done, note) five times a second and at the end.
inline FieldTick field_tick(const Rcpp::Function& tick) {
  auto clock = std::make_shared<Clock>(0.2);
  return [tick, clock](const FieldProgress& p) {
    if (!clock->due() && p.epoch < p.epochs) return true;
    char note[80];
    if (std::isfinite(p.held_out)) {
      std::snprintf(note, sizeof note, "error %.4g, held out %.4g", p.error, p.held_out);
    } else {
      std::snprintf(note, sizeof note, "error %.4g", p.error);
    }
    tick(static_cast<double>(p.epoch), std::string(note));
    return true;
  };
}

inline Rcpp::List to_list(const FieldReport& r) {
  Rcpp::List history;
  for (const auto& [name, values] : r.history) {
    history.push_back(Rcpp::NumericVector(values.begin(), values.end()), name);
  }
  return Rcpp::List::create(
      Rcpp::_["history"] = Rcpp::DataFrame(history), Rcpp::_["epochs"] = static_cast<double>(r.epochs),
      Rcpp::_["best.epoch"] = static_cast<double>(r.best_epoch), Rcpp::_["ended"] = r.ended,
      Rcpp::_["kl"] = r.kl, Rcpp::_["spread"] = r.spread, Rcpp::_["chosen"] = r.chosen);
}

/// The network of a field. Errors of kind Model where it has none.
inline const NetworkField& network_of(const VelocityField& field) {
  const auto* net = dynamic_cast<const NetworkField*>(&field);
  if (net == nullptr) {
    throw Error(ErrorKind::Model, "model",
                "`model` is a field of kind \"" + field.kind() +
                    "\", which has no network to take an embedding from; fit \"vae\" or \"ae\".");
  }
  return *net;
}

/// Runs f(n, x, extra, out, workspace) on blocks of rows of x (cells x genes) and of `extra`, if any, and
/// gives cells x units.
template <typename F>
Matrix by_rows(const NetworkField& net, const MatrixView& x, const MatrixView* extra, F&& f) {
  if (x.cols != net.genes()) {
    throw Error(ErrorKind::Model, "model",
                "`model` was fitted on " + std::to_string(net.genes()) + " genes, but here are " +
                    std::to_string(x.cols) + ".");
  }
  const std::int64_t units = net.embedding_units();
  Matrix out(x.rows, units);
  constexpr std::int64_t kRows = 256;
  parallel_for((x.rows + kRows - 1) / kRows, [&](std::int64_t block) {
    const std::int64_t first = block * kRows, n = std::min(kRows, x.rows - first);
    const auto rows = [&](const MatrixView& m) {
      std::vector<double> values(static_cast<std::size_t>(n * m.cols));
      for (std::int64_t j = 0; j < m.cols; ++j) {
        for (std::int64_t i = 0; i < n; ++i)
          values[static_cast<std::size_t>(i * m.cols + j)] = m(first + i, j);
      }
      return values;
    };
    const std::vector<double> states = rows(x), along = extra ? rows(*extra) : std::vector<double>();
    std::vector<double> z(static_cast<std::size_t>(n * units));
    const auto workspace = net.workspace();
    f(n, states.data(), along.data(), z.data(), *workspace);
    for (std::int64_t j = 0; j < units; ++j) {
      for (std::int64_t i = 0; i < n; ++i) out(first + i, j) = z[static_cast<std::size_t>(i * units + j)];
    }
  });
  return out;
}

inline Matrix embed(const NetworkField& net, const MatrixView& x) {
  return by_rows(net, x, nullptr,
                 [&](std::int64_t n, const double* s, const double*, double* z, FieldWorkspace& r) {
                   net.embed(n, s, z, r);
                 });
}

inline Matrix jvp_embedding(const NetworkField& net, const MatrixView& x, const MatrixView& delta) {
  return by_rows(net, x, &delta,
                 [&](std::int64_t n, const double* s, const double* d, double* z, FieldWorkspace& r) {
                   net.jvp_embedding(n, s, d, z, r);
                 });
}

}  // namespace glue
}  // namespace fatefield
