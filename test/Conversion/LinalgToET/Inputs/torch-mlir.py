"""Writes the inputs of ../torch-mlir with torch-mlir (pip install torch-mlir): one .mlir file per module, weights as arguments."""

import torch
from torch_mlir import fx
import torch.nn as nn, torch.nn.functional as F
torch.manual_seed(0)
def emit(name, m, *args, dyn=None):
    m=m.eval()
    # weights become arguments: a functional wrapper keeps the modules free of blobs
    class W(nn.Module):
        def forward(self, params, *xs):
            return torch.func.functional_call(m, params, xs)
    params={k:v.detach() for k,v in list(m.named_parameters())+list(m.named_buffers())}
    try:
        mod = fx.export_and_import(W(), params, *args, output_type="linalg-on-tensors", func_name=name, dynamic_shapes=({k:None for k in params},tuple(dyn)) if dyn else None)
        open(f"{name}.mlir","w").write(str(mod))
        print(name, "ok")
    except Exception as e:
        print(name, "FAILED", str(e)[:600])
class SDPA(nn.Module):
    def __init__(s,**kw): super().__init__(); s.kw=kw
    def forward(s,q,k,v,*m): return F.scaled_dot_product_attention(q,k,v,*(m),**s.kw)
q=torch.randn(2,4,16,8); k=torch.randn(2,4,24,8); v=torch.randn(2,4,24,8)
emit("sdpa",SDPA(),q,k,v)
emit("sdpa_causal",SDPA(is_causal=True),q,torch.randn(2,4,16,8),torch.randn(2,4,16,8))
emit("sdpa_bool_mask",SDPA(),q,k,v,torch.ones(2,1,16,24,dtype=torch.bool))
emit("sdpa_float_mask",SDPA(),q,k,v,torch.zeros(2,1,1,24))
class Eager(nn.Module):
    """transformers' eager attention: matmul, scale, additive mask, softmax in f32, matmul."""
    def forward(s,q,k,v,mask):
        w=torch.matmul(q,k.transpose(2,3))*(q.shape[-1]**-0.5)+mask
        w=F.softmax(w,dim=-1,dtype=torch.float32).to(q.dtype)
        return torch.matmul(w,v).transpose(1,2).contiguous()
emit("eager_attention",Eager(),q,k,v,torch.zeros(2,1,1,24))
emit("eager_attention_f16",Eager(),q.half(),k.half(),v.half(),torch.zeros(2,1,1,24).half())
class Mha(nn.Module):
    def __init__(s,D=32,H=4):
        super().__init__(); s.H=H; s.q=nn.Linear(D,D); s.k=nn.Linear(D,D); s.v=nn.Linear(D,D); s.o=nn.Linear(D,D)
    def forward(s,x,mask):
        B,S,D=x.shape; sp=lambda t:t.view(B,S,s.H,D//s.H).transpose(1,2)
        q,k,v=sp(s.q(x)),sp(s.k(x)),sp(s.v(x))
        w=torch.matmul(q,k.transpose(-1,-2))/((D//s.H)**0.5)+mask
        return s.o(torch.matmul(w.softmax(-1),v).transpose(1,2).reshape(B,S,D))
emit("bert_self_attention",Mha(),torch.randn(2,16,32),torch.zeros(2,1,1,16))
B=torch.export.Dim("batch"); S=torch.export.Dim("sequence",min=2)
emit("bert_self_attention_dynamic",Mha(),torch.randn(2,16,32),torch.zeros(2,1,1,16),dyn=({0:B,1:S},{0:B,3:S}))
class Layer(nn.Module):
    def __init__(s,D=32,H=4,act="none"):
        super().__init__(); s.a=Mha(D,H); s.n1=nn.LayerNorm(D,eps=1e-12); s.i=nn.Linear(D,4*D); s.o=nn.Linear(4*D,D); s.n2=nn.LayerNorm(D,eps=1e-12); s.act=act
    def forward(s,x,mask):
        x=s.n1(x+s.a(x,mask)); return s.n2(x+s.o(F.gelu(s.i(x),approximate=s.act)))
emit("bert_layer",Layer(),torch.randn(2,16,32),torch.zeros(2,1,1,16))
emit("bert_layer_dynamic",Layer(act="tanh"),torch.randn(2,16,32),torch.zeros(2,1,1,16),dyn=({0:B,1:S},{0:B,3:S}))
class Rms(nn.Module):
    def __init__(s,D=32): super().__init__(); s.w=nn.Parameter(torch.ones(D))
    def forward(s,x):
        h=x.float(); h=h*torch.rsqrt(h.pow(2).mean(-1,keepdim=True)+1e-6); return s.w*h.to(x.dtype)
emit("llama_rms_norm",Rms(),torch.randn(2,16,32))
emit("llama_rms_norm_f16",Rms().half(),torch.randn(2,16,32).half())
class Gqa(nn.Module):
    def forward(s,q,k,v,mask):
        rep=lambda t:t[:,:,None].expand(2,2,3,16,8).reshape(2,6,16,8)
        w=torch.matmul(q,rep(k).transpose(2,3))*8**-0.5+mask
        return torch.matmul(w.softmax(-1),rep(v))
emit("gqa",Gqa(),torch.randn(2,6,16,8),torch.randn(2,2,16,8),torch.randn(2,2,16,8),torch.zeros(2,1,16,16))
class G(nn.Module):
    def __init__(s,f): super().__init__(); s.f=f
    def forward(s,x): return s.f(x)
emit("gelu_erf",G(F.gelu),torch.randn(2,16,32)); emit("gelu_tanh",G(lambda x:F.gelu(x,approximate="tanh")),torch.randn(2,16,32))
emit("quick_gelu",G(lambda x:x*torch.sigmoid(1.702*x)),torch.randn(2,16,32))
emit("gelu_new",G(lambda x:0.5*x*(1+torch.tanh((2/3.141592653589793)**.5*(x+0.044715*torch.pow(x,3))))),torch.randn(2,16,32))
