// Every verifier message of the ops has a case here; its label is in the name of the function.
// RUN: et-opt %s --split-input-file --verify-diagnostics
// -----

func.func @attention_query_not_float(%q: tensor<?x?x8xi32>, %k: tensor<?x?x8xi32>, %v: tensor<?x?x8xi32>) -> tensor<?x?x8xi32> {
  // expected-error @+1 {{operand #0 must be ranked tensor without encoding of f16, bf16, f32 or f64 values, but got 'tensor<?x?x8xi32>'}}
  %o = et.attention query(%q : tensor<?x?x8xi32>) key(%k : tensor<?x?x8xi32>) value(%v : tensor<?x?x8xi32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xi32>
  return %o : tensor<?x?x8xi32>
}

// -----

func.func @attention_query_encoded(%q: tensor<16x8xf32, #et.tile<4x4>>, %k: tensor<16x8xf32>, %v: tensor<16x8xf32>) -> tensor<16x8xf32> {
  // expected-error @+1 {{operand #0 must be ranked tensor without encoding}}
  %o = et.attention query(%q : tensor<16x8xf32, #et.tile<4x4>>) key(%k : tensor<16x8xf32>) value(%v : tensor<16x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<16x8xf32>
  return %o : tensor<16x8xf32>
}

// -----

func.func @attention_mask_not_bool_or_float(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>, %mask: tensor<?x?xi8>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{operand #3 must be ranked tensor without encoding of 1-bit signless integer or 16-bit float}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>) mask(%mask : tensor<?x?xi8>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (m, n)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_lengths_not_integer(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>, %len: tensor<?xi8>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{operand #3 must be ranked tensor without encoding of i32 or i64 values}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>) lengths(%len : tensor<?xi8>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c1_key_element_type(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf16>, %v: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected key to have the element type of query, 'f32', but got 'f16'}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf16>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c1_value_element_type(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf16>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected value to have the element type of query, 'f32', but got 'f16'}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf16>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c1_result_element_type(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?x8xbf16> {
  // expected-error @+1 {{expected the result to have the element type of query, 'f32', but got 'bf16'}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xbf16>
  return %o : tensor<?x?x8xbf16>
}

// -----

func.func @attention_c2_no_maps(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected 4 indexing maps, one per operand and one for the result, but got 0}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = []} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c2_too_few_maps(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>, %mask: tensor<?x?xi1>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected 5 indexing maps, one per operand and one for the result, but got 4}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>) mask(%mask : tensor<?x?xi1>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (m, n)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c2_small_domain(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected indexing maps over at least the four dimensions (m, n, k, v), but query's map has 3}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(m, n, k) -> (m, n, k)>, affine_map<(m, n, k) -> (m, n, k)>, affine_map<(m, n, k) -> (m, n, k)>, affine_map<(m, n, k) -> (m, n, k)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c2_different_domains(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected all indexing maps to have 5 dimensions and no symbols, but got affine_map<(d0, d1, d2, d3) -> (d1, d2, d3)>}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(m, n, k, v) -> (n, k, v)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c2_symbol(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected all indexing maps to have 5 dimensions and no symbols, but got}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v)[s] -> (b, s, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c2_not_a_permutation(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected the map of key to be a projected permutation, but got affine_map<(d0, d1, d2, d3, d4) -> (d0, d2 + d3, d3)>}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n + k, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c2_repeated_dimension(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected the map of query to be a projected permutation}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, k, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c2_constant_result(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>, %mask: tensor<?x?xi1>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected the map of mask to be a projected permutation}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>) mask(%mask : tensor<?x?xi1>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (0, n)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c2_rank(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>, %mask: tensor<?x?x?xi1>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected the map of mask to have one result per dimension of }}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>) mask(%mask : tensor<?x?x?xi1>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (m, n)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c2_scalar_query(%q: tensor<f32>, %k: tensor<f32>, %v: tensor<f32>) -> tensor<f32> {
  // expected-error @+1 {{expected the map of query to have one result per dimension of 'tensor<f32>'}}
  %o = et.attention query(%q : tensor<f32>) key(%k : tensor<f32>) value(%v : tensor<f32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<f32>
  return %o : tensor<f32>
}

// -----

func.func @attention_c3_query_without_batch(%q: tensor<?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected query to use batch dimension 0, but its map is}}
  %o = et.attention query(%q : tensor<?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c3_query_without_m(%q: tensor<?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected query to use dimension m, but its map is}}
  %o = et.attention query(%q : tensor<?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c3_key_without_n(%q: tensor<?x?x8xf32>, %k: tensor<?x8xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected key to use dimension n, but its map is}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x8xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c3_key_uses_m(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected key not to use dimension m, but its map is}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (m, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c3_value_without_v(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected value to use dimension v, but its map is}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c3_value_uses_k(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected value not to use dimension k, but its map is}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, k, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c3_mask_uses_k(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>, %mask: tensor<?x8xi1>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected mask not to use dimension k, but its map is}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>) mask(%mask : tensor<?x8xi1>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (n, k)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c3_lengths_use_n(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>, %len: tensor<?xi32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected lengths not to use dimension n, but its map is}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>) lengths(%len : tensor<?xi32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (n)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c3_result_without_v(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?xf32> {
  // expected-error @+1 {{expected the result to use dimension v, but its map is}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m)>]} -> tensor<?x?xf32>
  return %o : tensor<?x?xf32>
}

// -----

func.func @attention_c3_result_uses_n(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?x?x8xf32> {
  // expected-error @+1 {{expected the result not to use dimension n, but its map is}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, n, v)>]} -> tensor<?x?x?x8xf32>
  return %o : tensor<?x?x?x8xf32>
}

// -----

func.func @attention_c4_key_value_length_mismatch(%q: tensor<?x?x8xf32>, %k: tensor<?x3x8xf32>, %v: tensor<?x4x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected key and value to agree on dimension n, but got 3 and 4}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x3x8xf32>) value(%v : tensor<?x4x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c4_head_size_mismatch(%q: tensor<?x?x8xf32>, %k: tensor<?x?x16xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected query and key to agree on dimension k, but got 8 and 16}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x16xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c4_batch_mismatch(%q: tensor<2x?x8xf32>, %k: tensor<2x?x8xf32>, %v: tensor<2x?x8xf32>, %len: tensor<3xi32>) -> tensor<2x?x8xf32> {
  // expected-error @+1 {{expected value and lengths to agree on batch dimension 0, but got 2 and 3}}
  %o = et.attention query(%q : tensor<2x?x8xf32>) key(%k : tensor<2x?x8xf32>) value(%v : tensor<2x?x8xf32>) lengths(%len : tensor<3xi32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<2x?x8xf32>
  return %o : tensor<2x?x8xf32>
}

// -----

func.func @attention_c4_result_mismatch(%q: tensor<2x5x8xf32>, %k: tensor<2x5x8xf32>, %v: tensor<2x5x8xf32>) -> tensor<2x6x8xf32> {
  // expected-error @+1 {{expected query and the result to agree on dimension m, but got 5 and 6}}
  %o = et.attention query(%q : tensor<2x5x8xf32>) key(%k : tensor<2x5x8xf32>) value(%v : tensor<2x5x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<2x6x8xf32>
  return %o : tensor<2x6x8xf32>
}

// -----

func.func @attention_c5_dynamic_k(%q: tensor<?x?x?xf32>, %k: tensor<?x?x?xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected dimension k (a head size) to be static}}
  %o = et.attention query(%q : tensor<?x?x?xf32>) key(%k : tensor<?x?x?xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c5_dynamic_v(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x?xf32>) -> tensor<?x?x?xf32> {
  // expected-error @+1 {{expected dimension v (a head size) to be static}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x?xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x?xf32>
  return %o : tensor<?x?x?xf32>
}

// -----

func.func @attention_c5_empty_head(%q: tensor<?x?x0xf32>, %k: tensor<?x?x0xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected dimension k (a head size) to be positive, but got 0}}
  %o = et.attention query(%q : tensor<?x?x0xf32>) key(%k : tensor<?x?x0xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c6_half_accumulator(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected accumulator to be f32 or f64 and no narrower than 'f32', but got 'f16'}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>], accumulator = f16} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c6_narrow_accumulator(%q: tensor<?x?x8xf64>, %k: tensor<?x?x8xf64>, %v: tensor<?x?x8xf64>) -> tensor<?x?x8xf64> {
  // expected-error @+1 {{expected accumulator to be f32 or f64 and no narrower than 'f64', but got 'f32'}}
  %o = et.attention query(%q : tensor<?x?x8xf64>) key(%k : tensor<?x?x8xf64>) value(%v : tensor<?x?x8xf64>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>], accumulator = f32} -> tensor<?x?x8xf64>
  return %o : tensor<?x?x8xf64>
}

// -----

func.func @attention_c6_not_a_float(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected accumulator to be f32 or f64 and no narrower than 'f32', but got 'tensor<2xf32>'}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>], accumulator = tensor<2xf32>} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c7_infinite_scale(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected scale to be finite, but got 0x7F800000 : f32}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>], scale = 0x7F800000 : f32} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c7_nan_scale(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected scale to be finite, but got 0x7FC00000 : f32}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>], scale = 0x7FC00000 : f32} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_scale_type(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+2 {{attribute 'scale' failed to satisfy constraint: 32-bit float attribute}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>], scale = 1.0 : f64} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_offsets_not_integer(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>, %off: tensor<?xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{operand #3 must be ranked tensor without encoding of i32 or i64 values, but got 'tensor<?xf32>'}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>) offsets(%off : tensor<?xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c10_offsets_rank(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>, %off: tensor<?x2xi32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected offsets to have one dimension, but got 'tensor<?x2xi32>'}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>) offsets(%off : tensor<?x2xi32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c10_key_offsets_scalar(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>, %off: tensor<?xi32>, %p: tensor<i64>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected key_offsets to have one dimension, but got 'tensor<i64>'}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>) offsets(%off : tensor<?xi32>) key_offsets(%p : tensor<i64>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c10_no_offsets(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>, %off: tensor<0xi32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected offsets to have an element more than there are sequences, but got 'tensor<0xi32>'}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>) offsets(%off : tensor<0xi32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c10_offsets_of_different_sizes(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>, %off: tensor<3xi32>, %p: tensor<4xi32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected offsets and key_offsets of the same size, but got 3 and 4}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>) offsets(%off : tensor<3xi32>) key_offsets(%p : tensor<4xi32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c11_key_offsets_alone(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>, %p: tensor<4xi32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected offsets with key_offsets, but there are none}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>) key_offsets(%p : tensor<4xi32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c11_offsets_and_mask(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>, %mask: tensor<?x?xi1>, %off: tensor<?xi32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected no mask with offsets, which say where each sequence ends}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>) mask(%mask : tensor<?x?xi1>) offsets(%off : tensor<?xi32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (m, n)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c11_offsets_and_lengths(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>, %l: tensor<?xi32>, %off: tensor<?xi32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected no lengths with offsets, which say where each sequence ends}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>) lengths(%l : tensor<?xi32>) offsets(%off : tensor<?xi32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c12_tokens_mismatch(%q: tensor<?x10x8xf32>, %k: tensor<?x12x8xf32>, %v: tensor<?x12x8xf32>, %off: tensor<?xi32>) -> tensor<?x10x8xf32> {
  // expected-error @+1 {{expected key_offsets for dimensions m and n of different sizes, but got 10 and 12}}
  %o = et.attention query(%q : tensor<?x10x8xf32>) key(%k : tensor<?x12x8xf32>) value(%v : tensor<?x12x8xf32>) offsets(%off : tensor<?xi32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x10x8xf32>
  return %o : tensor<?x10x8xf32>
}

// -----

func.func @attention_c2_map_for_offsets(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>, %off: tensor<?xi32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected 4 indexing maps, one per operand and one for the result, but got 5}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>) offsets(%off : tensor<?xi32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c8_too_few_indices(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected the score region to take the score as 'f32' and 3 indices (batch dimensions, m and n)}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} score {
  ^bb0(%s: f32, %i: index, %j: index):
    et.yield %s : f32
  } -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c8_score_type(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected the score region to take the score as 'f32' and 3 indices}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} score {
  ^bb0(%s: f16, %b: index, %i: index, %j: index):
    et.yield %s : f16
  } -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c8_index_type(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected the score region to take the score as 'f32' and 3 indices}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} score {
  ^bb0(%s: f32, %b: index, %i: i64, %j: index):
    et.yield %s : f32
  } -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c8_yields_nothing(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected the score region to yield one 'f32'}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} score {
  ^bb0(%s: f32, %b: index, %i: index, %j: index):
    et.yield
  } -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c8_yields_index(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected the score region to yield one 'f32'}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} score {
  ^bb0(%s: f32, %b: index, %i: index, %j: index):
    et.yield %i : index
  } -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c8_two_blocks(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{region with at most 1 blocks}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} score {
  ^bb0(%s: f32, %b: index, %i: index, %j: index):
    cf.br ^bb1
  ^bb1:
    et.yield %s : f32
  } -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c9_left_padding_without_lengths(%q: tensor<?x?x8xf32>, %k: tensor<?x?x8xf32>, %v: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-error @+1 {{expected lengths with left padding, but there are none}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%k : tensor<?x?x8xf32>) value(%v : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>], padding = #et.padding<left>} -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @attention_c8_side_effect(%q: tensor<?x?x8xf32>, %m: memref<f32>) {
  // expected-error @+1 {{expected the score region to have no side effects}}
  %o = et.attention query(%q : tensor<?x?x8xf32>) key(%q : tensor<?x?x8xf32>) value(%q : tensor<?x?x8xf32>)
    {indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>]} score {
  ^bb0(%s: f32, %b: index, %i: index, %j: index):
    // expected-note @+1 {{'memref.load' may have one}}
    %l = memref.load %m[] : memref<f32>
    et.yield %l : f32
  } -> tensor<?x?x8xf32>
  return
}

// -----

func.func @attention_generic_empty_block(%q: tensor<?x?x8xf32>) {
  // expected-error @+1 {{empty block: expect at least a terminator}}
  %o = "et.attention"(%q, %q, %q) <{indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>], operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>}> ({
  ^bb0(%s: f32, %b: index, %i: index, %j: index):
  }) : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  return
}

// -----

func.func @attention_generic_no_terminator(%q: tensor<?x?x8xf32>) {
  
  %o = "et.attention"(%q, %q, %q) <{indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>], operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>}> ({
  ^bb0(%s: f32, %b: index, %i: index, %j: index):
    // expected-error @+1 {{block with no terminator}}
    %t = arith.addf %s, %s : f32
  }) : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  return
}

// -----

func.func @attention_generic_other_terminator(%q: tensor<?x?x8xf32>) {
  // expected-error @+1 {{expected the score region to yield one 'f32'}}
  %o = "et.attention"(%q, %q, %q) <{indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>], operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>}> ({
  ^bb0(%s: f32, %b: index, %i: index, %j: index):
    llvm.unreachable
  }) : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  return
}

// -----

func.func @attention_generic_segments(%q: tensor<?x?x8xf32>) {
  // expected-error @+1 {{expected one operand as query, but got 0}}
  %o = "et.attention"(%q, %q, %q) <{indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>], operandSegmentSizes = array<i32: 0, 1, 1, 1, 0, 0, 0>}> ({}) : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  return
}

// -----

func.func @attention_generic_segments_all_in_one(%q: tensor<?x?x8xf32>) {
  // expected-error @+1 {{expected one operand as query, but got 3}}
  %o = "et.attention"(%q, %q, %q) <{indexing_maps = [affine_map<(b, m, n, k, v) -> (b, m, k)>, affine_map<(b, m, n, k, v) -> (b, n, k)>, affine_map<(b, m, n, k, v) -> (b, n, v)>, affine_map<(b, m, n, k, v) -> (b, m, v)>], operandSegmentSizes = array<i32: 3, 0, 0, 0, 0, 0, 0>}> ({}) : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  return
}

// -----

func.func @attention_generic_maps_not_maps(%q: tensor<?x?x8xf32>) {
  // expected-error @+1 {{attribute 'indexing_maps' failed to satisfy constraint: AffineMap array attribute}}
  %o = "et.attention"(%q, %q, %q) <{indexing_maps = [1, 2, 3, 4], operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>}> ({}) : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  return
}

// -----

func.func @attention_generic_no_maps(%q: tensor<?x?x8xf32>) {
  // expected-error @+1 {{requires attribute 'indexing_maps'}}
  %o = "et.attention"(%q, %q, %q) <{operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>}> ({}) : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  return
}

// -----

func.func @yield_outside() -> f32 {
  %c = arith.constant 1.0 : f32
  // expected-error @+1 {{expects parent op to be one of 'et.attention, et.launch'}}
  et.yield %c : f32
}

// -----

func.func @linear_c1_weight_rank(%x: tensor<?x8xf32>, %w: tensor<8xf32>) {
  // expected-error @+1 {{expected weight to be two-dimensional and static, but got 'tensor<8xf32>'}}
  %y = et.linear %x, %w : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @linear_c1_weight_scalar(%x: tensor<?x8xf32>, %w: tensor<f32>) {
  // expected-error @+1 {{expected weight to be two-dimensional and static, but got 'tensor<f32>'}}
  %y = et.linear %x, %w : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @linear_c1_weight_dynamic(%x: tensor<?x8xf32>, %w: tensor<?x8xf32>) {
  // expected-error @+1 {{expected weight to be two-dimensional and static, but got 'tensor<?x8xf32>'}}
  %y = et.linear %x, %w : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @linear_c2_scalar_input(%x: tensor<f32>, %w: tensor<4x8xf32>) {
  // expected-error @+1 {{expected input to have at least one dimension, but got 'tensor<f32>'}}
  %y = et.linear %x, %w : (tensor<f32>, tensor<4x8xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @linear_c2_input_features(%x: tensor<?x7xf32>, %w: tensor<4x8xf32>) {
  // expected-error @+1 {{expected the last dimension of input to be 8, the second of weight, but got 'tensor<?x7xf32>'}}
  %y = et.linear %x, %w : (tensor<?x7xf32>, tensor<4x8xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @linear_c2_dynamic_features(%x: tensor<?x?xf32>, %w: tensor<4x8xf32>) {
  // expected-error @+1 {{expected the last dimension of input to be 8, the second of weight, but got 'tensor<?x?xf32>'}}
  %y = et.linear %x, %w : (tensor<?x?xf32>, tensor<4x8xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @linear_c3_bias_size(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>, %b: tensor<8xf32>) {
  // expected-error @+1 {{expected bias to have shape [4], one element per row of weight, but got 'tensor<8xf32>'}}
  %y = et.linear %x, %w bias(%b : tensor<8xf32>) : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @linear_c3_bias_rank(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>, %b: tensor<f32>) {
  // expected-error @+1 {{expected bias to have shape [4], one element per row of weight, but got 'tensor<f32>'}}
  %y = et.linear %x, %w bias(%b : tensor<f32>) : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @linear_c4_result_size(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) {
  // expected-error @+1 {{expected the result to have the type 'tensor<?x4xf32>', but got 'tensor<?x5xf32>'}}
  %y = et.linear %x, %w : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x5xf32>
  return
}

// -----

func.func @linear_c4_result_rank(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) {
  // expected-error @+1 {{expected the result to have the type 'tensor<?x4xf32>', but got 'tensor<4xf32>'}}
  %y = et.linear %x, %w : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @linear_c5_result_element_type(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) {
  // expected-error @+1 {{expected the result to have the element type of input or f32, but got 'f32' and 'f16'}}
  %y = et.linear %x, %w : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf16>
  return
}

// -----

func.func @linear_c6_encoding(%x: tensor<?x8xf32>, %w: tensor<4x8xf32, "blocked">) {
  // expected-error @+1 {{expected the encoding of weight to be one of the et dialect, or of sparse_tensor until --et-import-sparse-encoding, but got "blocked"}}
  %y = et.linear %x, %w : (tensor<?x8xf32>, tensor<4x8xf32, "blocked">) -> tensor<?x4xf32>
  return
}

// -----

func.func @linear_input_encoded(%x: tensor<4x8xf32, #et.tile<4x4>>, %w: tensor<4x8xf32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor without encoding of f16, bf16, f32 or f64 values}}
  %y = et.linear %x, %w : (tensor<4x8xf32, #et.tile<4x4>>, tensor<4x8xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @linear_integer_weight(%x: tensor<?x8xf32>, %w: tensor<4x8xi8>) {
  // expected-error @+1 {{operand #1 must be ranked tensor of f16, bf16, f32 or f64 values}}
  %y = et.linear %x, %w : (tensor<?x8xf32>, tensor<4x8xi8>) -> tensor<?x4xf32>
  return
}

// -----

func.func @embedding_ids_not_integer(%i: tensor<?xf32>, %t: tensor<10x8xf32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor without encoding of i32 or i64 values}}
  %y = et.embedding %i, %t : (tensor<?xf32>, tensor<10x8xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @embedding_c1_table_rank(%i: tensor<?xi32>, %t: tensor<8xf32>) {
  // expected-error @+1 {{expected table to be two-dimensional and static, but got 'tensor<8xf32>'}}
  %y = et.embedding %i, %t : (tensor<?xi32>, tensor<8xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @embedding_c1_table_dynamic(%i: tensor<?xi32>, %t: tensor<?x8xf32>) {
  // expected-error @+1 {{expected table to be two-dimensional and static, but got 'tensor<?x8xf32>'}}
  %y = et.embedding %i, %t : (tensor<?xi32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @embedding_c2_result_shape(%i: tensor<?xi32>, %t: tensor<10x8xf32>) {
  // expected-error @+1 {{expected the result to have the type 'tensor<?x8xf32>', but got 'tensor<?x9xf32>'}}
  %y = et.embedding %i, %t : (tensor<?xi32>, tensor<10x8xf32>) -> tensor<?x9xf32>
  return
}

// -----

func.func @embedding_c2_result_rank(%i: tensor<?xi32>, %t: tensor<10x8xf32>) {
  // expected-error @+1 {{expected the result to have the type 'tensor<?x8xf32>', but got 'tensor<8xf32>'}}
  %y = et.embedding %i, %t : (tensor<?xi32>, tensor<10x8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @embedding_c3_element_type(%i: tensor<?xi32>, %t: tensor<10x8xf32>) {
  // expected-error @+1 {{expected table and result to have the same element type, but got 'f32' and 'f16'}}
  %y = et.embedding %i, %t : (tensor<?xi32>, tensor<10x8xf32>) -> tensor<?x8xf16>
  return
}

// -----

func.func @layer_norm_c1_residual_type(%x: tensor<?x8xf32>, %r: tensor<4x8xf32>) {
  // expected-error @+1 {{expected residual to have the type of input, 'tensor<?x8xf32>', but got 'tensor<4x8xf32>'}}
  %y = et.layer_norm %x residual(%r : tensor<4x8xf32>) {eps = 1.0e-5 : f32} : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @layer_norm_c1_result_type(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{expected the result to have the type of input, 'tensor<?x8xf32>', but got 'tensor<?x8xf16>'}}
  %y = et.layer_norm %x  {eps = 1.0e-5 : f32} : tensor<?x8xf32> -> tensor<?x8xf16>
  return
}

// -----

func.func @layer_norm_c1_sum_type(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{expected the sum to have the type of input, 'tensor<?x8xf32>', but got 'tensor<?x9xf32>'}}
  %y, %s = et.layer_norm %x  {eps = 1.0e-5 : f32} : tensor<?x8xf32> -> tensor<?x8xf32>, tensor<?x9xf32>
  return
}

// -----

func.func @layer_norm_c2_scalar(%x: tensor<f32>) {
  // expected-error @+1 {{expected the last dimension of input to be static and positive, but got 'tensor<f32>'}}
  %y = et.layer_norm %x  {eps = 1.0e-5 : f32} : tensor<f32> -> tensor<f32>
  return
}

// -----

func.func @layer_norm_c2_dynamic(%x: tensor<8x?xf32>) {
  // expected-error @+1 {{expected the last dimension of input to be static and positive, but got 'tensor<8x?xf32>'}}
  %y = et.layer_norm %x  {eps = 1.0e-5 : f32} : tensor<8x?xf32> -> tensor<8x?xf32>
  return
}

// -----

func.func @layer_norm_c2_empty(%x: tensor<8x0xf32>) {
  // expected-error @+1 {{expected the last dimension of input to be static and positive, but got 'tensor<8x0xf32>'}}
  %y = et.layer_norm %x  {eps = 1.0e-5 : f32} : tensor<8x0xf32> -> tensor<8x0xf32>
  return
}

// -----

func.func @layer_norm_c3_gamma_shape(%x: tensor<?x8xf32>, %g: tensor<7xf32>) {
  // expected-error @+1 {{expected gamma to have shape [8], but got 'tensor<7xf32>'}}
  %y = et.layer_norm %x gamma(%g : tensor<7xf32>) {eps = 1.0e-5 : f32} : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @layer_norm_c3_beta_shape(%x: tensor<?x8xf32>, %g: tensor<8x1xf32>) {
  // expected-error @+1 {{expected beta to have shape [8], but got 'tensor<8x1xf32>'}}
  %y = et.layer_norm %x beta(%g : tensor<8x1xf32>) {eps = 1.0e-5 : f32} : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @layer_norm_c4_negative_eps(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{expected eps to be finite and not negative, but got -1.000000e+00 : f32}}
  %y = et.layer_norm %x  {eps = -1.0 : f32} : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @layer_norm_c4_nan_eps(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{expected eps to be finite and not negative, but got 0x7FC00000 : f32}}
  %y = et.layer_norm %x  {eps = 0x7FC00000 : f32} : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @rms_norm_c1_residual_type(%x: tensor<?x8xf32>, %r: tensor<4x8xf32>) {
  // expected-error @+1 {{expected residual to have the type of input, 'tensor<?x8xf32>', but got 'tensor<4x8xf32>'}}
  %y = et.rms_norm %x residual(%r : tensor<4x8xf32>) {eps = 1.0e-5 : f32} : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @rms_norm_c1_result_type(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{expected the result to have the type of input, 'tensor<?x8xf32>', but got 'tensor<?x8xf16>'}}
  %y = et.rms_norm %x  {eps = 1.0e-5 : f32} : tensor<?x8xf32> -> tensor<?x8xf16>
  return
}

// -----

func.func @rms_norm_c1_sum_type(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{expected the sum to have the type of input, 'tensor<?x8xf32>', but got 'tensor<?x9xf32>'}}
  %y, %s = et.rms_norm %x  {eps = 1.0e-5 : f32} : tensor<?x8xf32> -> tensor<?x8xf32>, tensor<?x9xf32>
  return
}

// -----

func.func @rms_norm_c2_scalar(%x: tensor<f32>) {
  // expected-error @+1 {{expected the last dimension of input to be static and positive, but got 'tensor<f32>'}}
  %y = et.rms_norm %x  {eps = 1.0e-5 : f32} : tensor<f32> -> tensor<f32>
  return
}

// -----

func.func @rms_norm_c2_dynamic(%x: tensor<8x?xf32>) {
  // expected-error @+1 {{expected the last dimension of input to be static and positive, but got 'tensor<8x?xf32>'}}
  %y = et.rms_norm %x  {eps = 1.0e-5 : f32} : tensor<8x?xf32> -> tensor<8x?xf32>
  return
}

// -----

func.func @rms_norm_c2_empty(%x: tensor<8x0xf32>) {
  // expected-error @+1 {{expected the last dimension of input to be static and positive, but got 'tensor<8x0xf32>'}}
  %y = et.rms_norm %x  {eps = 1.0e-5 : f32} : tensor<8x0xf32> -> tensor<8x0xf32>
  return
}

// -----

func.func @rms_norm_c3_gamma_shape(%x: tensor<?x8xf32>, %g: tensor<7xf32>) {
  // expected-error @+1 {{expected gamma to have shape [8], but got 'tensor<7xf32>'}}
  %y = et.rms_norm %x gamma(%g : tensor<7xf32>) {eps = 1.0e-5 : f32} : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @rms_norm_c4_negative_eps(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{expected eps to be finite and not negative, but got -1.000000e+00 : f32}}
  %y = et.rms_norm %x  {eps = -1.0 : f32} : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @rms_norm_c4_nan_eps(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{expected eps to be finite and not negative, but got 0x7FC00000 : f32}}
  %y = et.rms_norm %x  {eps = 0x7FC00000 : f32} : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @layer_norm_no_eps(%x: tensor<8xf32>) {
  // expected-error @+1 {{requires attribute 'eps'}}
  %y = "et.layer_norm"(%x) <{operandSegmentSizes = array<i32: 1, 0, 0, 0>}> : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @gelu_types(%x: tensor<8xf32>) {
  // expected-error @+1 {{op requires the same type for all operands and results}}
  %y = "et.gelu"(%x) : (tensor<8xf32>) -> tensor<9xf32>
  return
}

// -----

func.func @gelu_integer(%x: tensor<8xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor without encoding of f16, bf16, f32 or f64 values}}
  %y = et.gelu %x : tensor<8xi32>
  return
}

// -----

// expected-error @+1 {{expected 'et.name' of argument 0 to be a string, but got 1 : i32}}
func.func @name_not_a_string(%x: tensor<2xf32> {et.name = 1 : i32}) {
  return
}

// -----

// expected-error @+1 {{expected 'et.name', 'et.dims' or 'et.min_sizes' on argument 0, but got 'et.nam'}}
func.func @unknown_argument_attribute(%x: tensor<2xf32> {et.nam = "x"}) {
  return
}

// -----

// expected-error @+1 {{expected 'et.dims' of argument 0 to be a list of strings, but got [1]}}
func.func @dims_not_strings(%x: tensor<2xf32> {et.dims = [1]}) {
  return
}

// -----

// expected-error @+1 {{expected 'et.dims' of argument 0 to be a list of strings, but got "batch"}}
func.func @dims_not_a_list(%x: tensor<2xf32> {et.dims = "batch"}) {
  return
}

// -----

// expected-error @+1 {{expected 'et.dims' of argument 0 to name every dimension of 'tensor<2x3xf32>', but it has 1 names}}
func.func @dims_count(%x: tensor<2x3xf32> {et.dims = ["batch"]}) {
  return
}

// -----

// expected-error @+1 {{expected 'et.dims' of argument 0 to name every dimension of 'tensor<*xf32>', but it has 0 names}}
func.func @dims_unranked(%x: tensor<*xf32> {et.dims = []}) {
  return
}

// -----

// expected-error @+1 {{expected 'et.dims' of argument 0 to name every dimension of 'f32', but it has 0 names}}
func.func @dims_of_scalar(%x: f32 {et.dims = []}) {
  return
}

// -----

// expected-error @+1 {{expected 'et.name' of result 0 to be a string, but got [1]}}
func.func private @result_name(tensor<2xf32>) -> (tensor<2xf32> {et.name = [1]})

// -----

func.func @layer_norm_generic_segments(%x: tensor<8xf32>) {
  // expected-error @+1 {{expected one operand as input, but got 0}}
  %y = "et.layer_norm"(%x) <{eps = 1.0e-5 : f32, operandSegmentSizes = array<i32: 0, 0, 1, 0>}> : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @rms_norm_generic_segments() {
  // expected-error @+1 {{expected 1 or more operands, but found 0}}
  %y = "et.rms_norm"() <{eps = 1.0e-5 : f32, operandSegmentSizes = array<i32: 0, 0, 0>}> : () -> tensor<8xf32>
  return
}

// -----

func.func @rms_norm_generic_two_inputs(%x: tensor<8xf32>) {
  // expected-error @+1 {{expected one operand as input, but got 2}}
  %y = "et.rms_norm"(%x, %x) <{eps = 1.0e-5 : f32, operandSegmentSizes = array<i32: 2, 0, 0>}> : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return
}
