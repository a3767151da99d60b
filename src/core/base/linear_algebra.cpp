// Takes plain matrices; gives their products and sums. Expressions are what they are for the order of their
// sums, which the bytes of results depend on.
#include "base/linear_algebra.hpp"

#include <algorithm>

#include "base/eigen_threads.hpp"
#include "base/eigen_views.hpp"
#include "base/threads.hpp"

namespace fatefield {
namespace {

using Column = Eigen::Map<Eigen::VectorXd>;

constexpr std::int64_t kRowBlock = 512, kColumnBlock = 64, kRowsInPlace = 4096;

// body(first, n) for each block of at most `width` of n_all.
template <typename Body>
void each_block(std::int64_t n_all, std::int64_t width, const Body& body) {
  parallel_for((n_all + width - 1) / width, [&](std::int64_t block) {
    const std::int64_t first = block * width;
    body(first, std::min(width, n_all - first));
  });
}

}  // namespace

OneEigenThread::OneEigenThread() : before_(Eigen::nbThreads()) { Eigen::setNbThreads(1); }
OneEigenThread::~OneEigenThread() { Eigen::setNbThreads(before_); }

Matrix product(MatrixView a, MatrixView b) {
  Matrix out(a.rows, b.cols);
  eigen(out).noalias() = eigen(a) * eigen(b);
  return out;
}

Matrix transposed_product(MatrixView a, MatrixView b) {
  Matrix out(a.cols, b.cols);
  eigen(out).noalias() = eigen(a).transpose() * eigen(b);
  return out;
}

Matrix product_transposed(MatrixView a, MatrixView b) {
  Matrix out(a.rows, b.rows);
  eigen(out).noalias() = eigen(a) * eigen(b).transpose();
  return out;
}

std::vector<double> product(MatrixView a, const double* v) {
  std::vector<double> out(static_cast<std::size_t>(a.rows));
  Column(out.data(), a.rows).noalias() = eigen(a) * eigen(v, a.cols);
  return out;
}

std::vector<double> transposed_product(MatrixView a, const double* v) {
  std::vector<double> out(static_cast<std::size_t>(a.cols));
  Column(out.data(), a.cols).noalias() = eigen(a).transpose() * eigen(v, a.rows);
  return out;
}

std::vector<double> row_product(const double* v, MatrixView a) {
  std::vector<double> out(static_cast<std::size_t>(a.cols));
  Eigen::Map<Eigen::RowVectorXd>(out.data(), a.cols).noalias() = eigen(v, a.rows).transpose() * eigen(a);
  return out;
}

void take_projection(MatrixView basis, double* v, double* part) {
  Column rest(v, basis.rows), share(part, basis.cols);
  share.noalias() = eigen(basis).transpose() * rest;
  rest -= eigen(basis) * share;
}

void subtract_product(MatrixView a, MatrixView b, Matrix& out) {
  eigen(out).noalias() -= eigen(a) * eigen(b);
}

void multiply_leading_columns(MatrixView b, Matrix& x) {
  for (std::int64_t first = 0; first < x.rows; first += kRowsInPlace) {
    const std::int64_t rows = std::min(kRowsInPlace, x.rows - first);
    const Eigen::MatrixXd block = eigen(x).block(first, 0, rows, b.rows) * eigen(b);
    eigen(x).block(first, 0, rows, b.cols) = block;
  }
}

Matrix cross_product(MatrixView a, MatrixView b, const double* weights) {
  Matrix out(a.cols, b.cols);
  each_block(b.cols, kColumnBlock, [&](std::int64_t first, std::int64_t n) {
    if (weights == nullptr) {
      eigen(out).middleCols(first, n).noalias() = eigen(a).transpose() * eigen(columns(b, first, n));
      return;
    }
    Matrix part(b.rows, n);
    for (std::int64_t j = 0; j < n; ++j)
      for (std::int64_t i = 0; i < b.rows; ++i) part(i, j) = weights[i] * b(i, first + j);
    eigen(out).middleCols(first, n).noalias() = eigen(a).transpose() * eigen(part);
  });
  return out;
}

void product_by_rows(MatrixView a, MatrixView b, Matrix& out) {
  each_block(a.rows, kRowBlock, [&](std::int64_t first, std::int64_t n) {
    eigen(out).middleRows(first, n).noalias() = eigen(a).middleRows(first, n) * eigen(b);
  });
}

void transposed_product_by_rows(MatrixView a, MatrixView b, Matrix& out) {
  each_block(a.cols, kColumnBlock, [&](std::int64_t first, std::int64_t n) {
    eigen(out).middleRows(first, n).noalias() = eigen(columns(a, first, n)).transpose() * eigen(b);
  });
}

double sum(const double* x, std::int64_t n) { return eigen(x, n).sum(); }
double mean(const double* x, std::int64_t n) { return eigen(x, n).mean(); }
double dot(const double* x, const double* y, std::int64_t n) { return eigen(x, n).dot(eigen(y, n)); }
double squared_norm(const double* x, std::int64_t n) { return eigen(x, n).squaredNorm(); }

void exponentiate(double* x, std::int64_t n) {
  Eigen::Map<Eigen::ArrayXd> all(x, n);
  all = all.exp();
}

std::vector<double> column_means(MatrixView x) {
  std::vector<double> out;
  for (std::int64_t j = 0; j < x.cols; ++j) out.push_back(mean(x.data + j * x.rows, x.rows));
  return out;
}

Matrix row_block(MatrixView x, std::int64_t first, std::int64_t n) {
  Matrix out(n, x.cols);
  for (std::int64_t j = 0; j < x.cols; ++j)
    std::copy_n(x.data + j * x.rows + first, n, out.values.data() + j * n);
  return out;
}

}  // namespace fatefield
