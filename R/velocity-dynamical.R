# Velocities of the dynamical model. Takes what velocity_of_pair() has prepared; gives
# list(velocity (genes x cells, with names), genes (data.frame), cells (data.frame of latent_time, or NULL), fit_t).
velocity_dynamical <- function(prepared) {
  stop_input(
    "mode", "`mode`: \"dynamical\" is not there yet; take \"stochastic\" or \"deterministic\"."
  )
}
