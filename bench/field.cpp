// One epoch of training the network of a velocity field, all that belongs to it: shuffled rows, noise,
// gradients, the optimiser, a validation. The published VAE at 3,000 genes and its 16,650 rows (90
// % of five copies of 3,700 cells), by our pass and by LibTorch's differentiation; our default on a problem
// of the size of the pancreas. Beside them what the products and the optimiser alone would take. Built and
// run by bench/run.sh field.
//   bench/out/field [threads] [file.json] [part of a case's name] [epochs]
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

#include "base/memory.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "field/train/fit.hpp"
#include "measure.hpp"
#include "products.hpp"
#include "sde/train/state.hpp"

using namespace fatefield;

namespace {

constexpr std::int64_t kGenes = 3000, kCells = 3700, kRows = 16650, kParameters = 390504;
// Adam alone works on pieces of this many numbers, as the wide layers' chunks do.
constexpr std::int64_t kPiece = 8192;

int epochs = 4;
std::string only;  // part of the names of the cases to run; empty for all
bench::Results* results = nullptr;
double blas = 0.0, kernel = 0.0;

bool wanted(const std::string& name) { return name.find(only) != std::string::npos; }

// Counts of a few programs that cells share, and velocities that follow from them.
struct Cells {
  Matrix x, y;
  FieldData data;

  Cells(std::int64_t n, std::int64_t genes) : x(n, genes), y(n, genes) {
    constexpr std::int64_t kPrograms = 8;
    std::vector<double> use(static_cast<std::size_t>(n * kPrograms)),
        part(static_cast<std::size_t>(genes * kPrograms));
    normals(1, Stream::Simulator, 0, n, 0, kPrograms, use.data());
    normals(2, Stream::Simulator, 0, genes, 0, kPrograms, part.data());
    std::vector<double> draws(static_cast<std::size_t>(genes));
    for (std::int64_t i = 0; i < n; ++i) {
      normals(3, Stream::Simulator, static_cast<std::uint64_t>(i), 1, 0, genes, draws.data());
      for (std::int64_t j = 0; j < genes; ++j) {
        double level = 0.0;
        for (std::int64_t k = 0; k < kPrograms; ++k)
          level += 0.3 * use[static_cast<std::size_t>(i * kPrograms + k)] *
                   part[static_cast<std::size_t>(j * kPrograms + k)];
        x(i, j) = std::max(0.0, std::exp(level) + draws[static_cast<std::size_t>(j)]);
        y(i, j) = 0.3 * std::sin(level);
      }
    }
    data = {x, y, std::vector<Part>(static_cast<std::size_t>(n), Part::Train), {}};
  }
};

FieldNetShape published_shape() {
  FieldNetShape out;
  out.features = out.genes = kGenes;
  out.hidden = {64, 16, 16, 64};
  out.latent = 1;
  return out;
}

// Floating-point operations of products that a row's values and gradients cannot do without.
double needed(const FieldNetShape& s) {
  double all = 0.0;
  for (std::int64_t l = 0; l < s.layers(); ++l)
    all += (l == 0 ? 4.0 : 6.0) * static_cast<double>(s.inputs(l) * s.outputs(l));
  return all;
}

void head() {
  std::cout << std::left << std::setw(50) << "one epoch" << std::right << std::setw(9) << "s" << std::setw(11)
            << "processor" << std::setw(8) << "GFLOP" << std::setw(9) << "GFLOP/s" << std::setw(9)
            << "LibTorch" << std::setw(9) << "kernel" << std::setw(9) << "MB" << std::endl;
}

void print(const std::string& name, const bench::Cost& cost, double flop) {
  std::cout << std::left << std::setw(50) << name << std::right << std::fixed << std::setprecision(4)
            << std::setw(9) << cost.seconds << std::setw(11) << cost.processor << std::setprecision(1)
            << std::setw(8) << flop / 1e9 << std::setw(9) << flop / cost.seconds / 1e9 << std::setw(8)
            << 100.0 * flop / cost.seconds / blas << "%" << std::setw(8)
            << 100.0 * flop / cost.seconds / kernel << "%" << std::setw(9) << cost.megabytes << std::endl;
  results->add(name, cost);
}

// The quickest epoch of a whole training, from one tick to the next.
bench::Cost quickest_epoch(const Cells& cells, const FieldFoundation& base, FieldOptions o) {
  o.epochs = epochs + 1;
  o.patience = 0;
  bench::Cost best;
  bench::forget_peak();
  const double before = bench::status_megabytes("VmRSS");
  auto last = std::chrono::steady_clock::now();
  double busy = bench::processor_seconds();
  const FieldTick tick = [&](const FieldProgress& p) {
    const auto now = std::chrono::steady_clock::now();
    const double used = bench::processor_seconds();
    if (p.epoch > 1) {
      best.seconds = std::min(best.seconds, std::chrono::duration<double>(now - last).count());
      best.processor = std::min(best.processor, used - busy);
    }
    last = std::chrono::steady_clock::now();
    busy = bench::processor_seconds();
    return true;
  };
  fit_field_network(cells.data, base, o, 1, tick, nullptr);
  best.megabytes = bench::status_megabytes("VmHWM") - before;
  return best;
}

// The published network and loss, left to LibTorch with its own threads.
class Libtorch {
 public:
  Libtorch(std::int64_t batch, int team) : batch_(batch), team_(team), shape_(published_shape()) {
    for (const FieldTensor& t : initial_field_weights(shape_, 1)) {
      at::Tensor p = at::from_blob(const_cast<double*>(t.values.values.data()),
                                   {t.values.cols, t.values.rows}, at::kDouble)
                         .to(at::kFloat)
                         .t()
                         .contiguous();
      p_.push_back((t.values.cols == 1 ? p.view({-1}) : p).requires_grad_(true));
    }
    x_ = at::rand({kRows, kGenes});
    y_ = at::randn({kRows, kGenes});
  }

  void epoch() {
    at::set_num_threads(team_);
    const at::AutoGradMode on(true);
    Optimizer adam("adamw", 0.0, p_);
    std::vector<std::int64_t> order(static_cast<std::size_t>(kRows));
    permutation(1, Stream::Batch, 0, kRows, order.data());
    for (std::int64_t first = 0; first < kRows; first += batch_) step(order.data() + first, first, adam);
    at::set_num_threads(1);
  }

 private:
  void step(std::int64_t* rows, std::int64_t first, Optimizer& adam) {
    const std::int64_t n = std::min(batch_, kRows - first);
    const at::Tensor which = at::from_blob(rows, {n}, at::kLong);
    at::Tensor a = x_.index_select(0, which), kl;
    for (std::int64_t l = 0; l < shape_.layers(); ++l) {
      const at::Tensor z =
          at::linear(a, p_[static_cast<std::size_t>(2 * l)], p_[static_cast<std::size_t>(2 * l + 1)]);
      if (l == shape_.latent) {
        const std::vector<at::Tensor> heads = z.chunk(2, 1);
        a = heads[0] + at::exp(0.5 * heads[1]) * at::randn_like(heads[0]);
        kl = -0.5 * (1.0 + heads[1] - heads[0].square() - heads[1].exp()).sum() / static_cast<double>(n);
      } else {
        a = l + 1 == shape_.layers() ? z : at::relu(z);
      }
    }
    ((a - y_.index_select(0, which)).square().mean() + kl).backward();
    const c10::NoGradGuard none;
    std::vector<at::Tensor> gradients;
    for (at::Tensor& p : p_) gradients.push_back(p.grad());
    adam.step(p_, gradients, 1e-5);
    for (at::Tensor& p : p_) p.mutable_grad() = at::Tensor();
  }

  std::int64_t batch_;
  int team_;
  FieldNetShape shape_;
  std::vector<at::Tensor> p_;
  at::Tensor x_, y_;
};

// What the optimiser's passes over all weights and moments of an epoch take, and nothing else.
bench::Cost adam_alone(std::int64_t steps) {
  const std::int64_t pieces = (kParameters + kPiece - 1) / kPiece;
  const auto size = static_cast<std::size_t>(pieces * kPiece);
  Aligned<float> p(size, 0.1f), first(size, 0.0f), second(size, 0.0f);
  const Aligned<float> gradient(kPiece, 1e-3f);
  const AdamStep step{0.9, 0.999, 1.0, 1e-5, 1.0, 1e-8};
  return bench::best_of(2, [&] {
    for (std::int64_t k = 0; k < steps; ++k) {
      parallel_for(pieces, [&](std::int64_t c) {
        dense_kernels<float>().adam(kPiece, step, gradient.data(), p.data() + c * kPiece,
                                    first.data() + c * kPiece, second.data() + c * kPiece);
      });
    }
  });
}

void published(int team) {
  const Cells cells(kCells, kGenes);
  FieldOptions o = published_field_options("vae");
  o.components = 2;
  const FieldFoundation base = make_foundation(cells.data, o, 1);
  const FieldNetShape shape = make_shape(cells.data, make_units(cells.data, base, o), o);
  std::cout << kGenes << " genes, " << shape.parameters() << " parameters (published: " << kParameters
            << "), " << kRows << " rows\n";
  const double flop = needed(shape) * static_cast<double>(kRows);
  for (const std::int64_t batch : {256, 32, 2}) {
    const std::string name = "published VAE, batch " + std::to_string(batch);
    o.batch_size = batch;
    if (wanted(name)) print(name, quickest_epoch(cells, base, o), flop);
    const std::string other = name + ", LibTorch's differentiation";
    if (!wanted(other)) continue;
    const KeepMemory keep;
    Libtorch net(batch, team);
    print(other, bench::best_of(batch < 32 ? 1 : 2, [&] { net.epoch(); }), flop);
    const bench::Cost adam = adam_alone((kRows + batch - 1) / batch);
    std::cout << "    Adam alone: " << std::setprecision(4) << adam.seconds << " s, " << adam.processor
              << " of processor\n";
    results->add("Adam alone, batch " + std::to_string(batch), adam);
  }
  // Each epoch of these has as many rows as cells are learned from.
  o = published_field_options("vae");
  o.components = 2;
  o.compat = "none";
  o.batch_size = 256;
  o.noise = "both";
  const std::string name = "the same on 3,700 rows, both noises drawn anew";
  if (wanted(name)) print(name, quickest_epoch(cells, base, o), needed(shape) * static_cast<double>(kCells));
}

void defaults() {
  for (const std::int64_t genes : {2000, 328}) {
    const std::string name = "default VAE, 2,957 + 369 of 3,696 cells x " + std::to_string(genes);
    if (!wanted(name)) continue;
    Cells cells(3696, genes);
    cells.data.part = field_parts(3696, {}, 0.1, 0.1, 1);
    FieldOptions o;
    const FieldFoundation base = make_foundation(cells.data, o, 1);
    const FieldNetShape shape = make_shape(cells.data, make_units(cells.data, base, o), o);
    const double rows = static_cast<double>(cells_of(cells.data, Part::Train).size()),
                 held_out = static_cast<double>(cells_of(cells.data, Part::Validation).size());
    double forward = 0.0;
    for (std::int64_t l = 0; l < shape.layers(); ++l)
      forward += 2.0 * static_cast<double>(shape.inputs(l) * shape.outputs(l));
    print(name, quickest_epoch(cells, base, o), needed(shape) * rows + forward * held_out);
    o.patience = 0;
    const bench::Cost whole = bench::once([&] {
      fit_field(
          cells.data, o, SparseVfcOptions(), 1, [](const FieldProgress&) { return true; }, nullptr);
    });
    std::cout << "    whole fit of " << o.epochs << " epochs: " << std::setprecision(2) << whole.seconds
              << " s, " << whole.processor << " of processor, " << whole.megabytes << " MB; "
              << shape.parameters() << " parameters\n";
    results->add(name + ", whole fit", whole);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int team = argc > 1 ? std::atoi(argv[1]) : available_cores();
  if (argc > 3) only = argv[3];
  if (argc > 4) epochs = std::atoi(argv[4]);
  at::set_num_threads(team);
  blas = bench::gemm_peak();
  const ThreadScope scope(team);
  bench::Results found("field", team);
  results = &found;
  kernel = bench::kernel_peak();
  found.add("product of matrices, LibTorch, 2048", blas, "FLOP/s");
  found.add("product of matrices, our kernel in the cache", kernel, "FLOP/s");
  std::cout << team << " threads; torch.mm at 2048: " << blas / 1e9 << " GFLOP/s; "
            << dense_kernels<float>().name << " kernel in cache: " << kernel / 1e9 << " GFLOP/s\n";
  head();
  published(team);
  defaults();
  if (argc > 2) found.write(argv[2]);
}
